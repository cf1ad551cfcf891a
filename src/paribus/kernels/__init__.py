"""Faster ways to compute what a plain network computes in training (`lower.lower`)."""
