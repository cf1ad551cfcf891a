"""The networks by name; reading this list imports no torch."""

CATALOGUE: dict[str, str] = {
    "eegnet": "EEGNet (R0; Lawhern et al. 2018): 17,874 parameters at 2 channels x 750 samples, 2 classes",
    "deepconvnet": "DeepConvNet (R0; Schirrmeister et al. 2017): 150,977 parameters at 2 x 750, 2 classes",
    "simple_cnn": "SimpleCNN (R3): three convolution blocks, 114,186 parameters at 3 x 32 x 32, 10 classes",
    "resnet18": "ResNet-18 (R3; He et al. 2016): 11,181,642 parameters at 3 channels, 10 classes",
    "face_cnn": "R2's network for faces: five convolution blocks, 618,767 parameters at 1 x 48 x 48, 7 classes",
    "face_cnn_large": "R4's network for faces: 5,758,791 parameters at 1 x 48 x 48, 7 classes",
    "dnn": "R4's dense network: 5,778,439 parameters at 1 x 48 x 48, 7 classes; or as many as another network has",
    "logistic": "multinomial logistic regression, a baseline",
    "package.module:Class": "any PyTorch module of your own or of a package (docs/networks.md)",
}

USUAL_INPUT: dict[str, tuple[tuple[int, int, int], int]] = {
    "eegnet": ((1, 2, 750), 2),
    "deepconvnet": ((1, 2, 750), 2),
    "simple_cnn": ((3, 32, 32), 10),
    "resnet18": ((3, 32, 32), 10),
    "face_cnn": ((1, 48, 48), 7),
    "face_cnn_large": ((1, 48, 48), 7),
    "dnn": ((1, 48, 48), 7),
    "logistic": ((1, 48, 48), 7),
}
"""Input shape (C, H, W) and number of classes in the reports."""
