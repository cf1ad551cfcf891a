"""From records to an answer: metrics, intervals over seeds, paired comparisons. Computes; draws nothing."""
