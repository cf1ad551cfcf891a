"""The networks by name; reading this list imports no torch."""

CATALOGUE: dict[str, str] = {
    "eegnet": "EEGNet (R0; Lawhern et al. 2018): 17,874 parameters at 2 channels x 750 samples, 2 classes",
    "deepconvnet": "DeepConvNet (R0; Schirrmeister et al. 2017): 150,977 parameters at 2 x 750, 2 classes",
    "simple_cnn": "SimpleCNN (R3): three convolution blocks, 114,186 parameters at 3 x 32 x 32, 10 classes",
}
