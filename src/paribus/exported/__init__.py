"""Networks as ONNX files, preprocessing inside: written with PyTorch, read without it (the extra `export`)."""
