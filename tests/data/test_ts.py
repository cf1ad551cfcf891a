from pathlib import Path

import numpy as np
import pytest

from paribus.data.aeon import read_ts
from paribus.errors import DataError

HEADER = (
    "#A comment\n@problemName made\n@timeStamps false\n@univariate false\n@equalLength true\n@classLabel true Up Down\n"
)
ROWS = "1,2,3:4,5,6.5:Up\n-1,-2,-3:1e-3,?,NaN:Down\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "made_TRAIN.ts"
    path.write_bytes(text.encode(encoding))
    return path


def test_values_and_labels(tmp_path: Path) -> None:
    x, labels = read_ts(write(tmp_path, HEADER + "@data\n" + ROWS))
    nan = np.nan
    np.testing.assert_array_equal(
        x, np.array([[[[1, 2, 3], [4, 5, 6.5]]], [[[-1, -2, -3], [1e-3, nan, nan]]]], dtype=np.float32)
    )
    assert x.dtype == np.float32
    assert labels is not None
    assert labels.tolist() == ["Up", "Down"]  # as the file spells them


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_line_ends_and_latin_1(tmp_path: Path, end: str) -> None:
    text = "#Amplitude in µV\n" + HEADER + "@data\n" + ROWS.rstrip("\n")
    path = write(tmp_path, text.replace("\n", "\r\n" if end == "\r\n" else "\n") + end, "latin-1")
    assert read_ts(path)[0].shape == (2, 1, 2, 3)


def test_class_names_that_aeon_would_take_for_missing_values(tmp_path: Path) -> None:
    header = HEADER.replace("Up Down", "Banana What?")
    labels = read_ts(write(tmp_path, header + "@data\n1:2:Banana\n3:4:What?\n"))[1]
    assert labels is not None
    assert labels.tolist() == ["Banana", "What?"]


def test_without_labels(tmp_path: Path) -> None:
    header = HEADER.replace("@classLabel true Up Down", "@classLabel false")
    x, labels = read_ts(write(tmp_path, header + "@data\n1,2:3,4\n5,6:7,8\n"))
    assert labels is None
    assert x.tolist() == [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]]


def test_equal_lengths_are_accepted_whatever_the_header_says(tmp_path: Path) -> None:
    header = HEADER.replace("equalLength true", "equalLength false")
    assert read_ts(write(tmp_path, header + "@data\n" + ROWS))[0].shape == (2, 1, 2, 3)


UNEQUAL = HEADER.replace("equalLength true", "equalLength false") + "@data\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (UNEQUAL + "1,2:3,4:Up\n1,2,3:4,5,6:Down\n", "example 1 has 2 samples and example 2 has 3"),
        (UNEQUAL + "1,2:3,4:Up\n1,2,3:4,5:Down\n", r"channel 2 of example 2 .line 9. has 2 samples, .* channel has 3"),
        (HEADER + "@data\n1,2:3,4:Up\n1,2,3:4,5,6:Down\n", r"channel 1 of example 2 .line 9. has 3 samples, .* has 2"),
        (HEADER + "@data\n" + ROWS + "1,2,3:4,5\n", r"example 3 .line 10. has 1 channels, where the first .* has 2"),
        (HEADER + "@data\n" + ROWS + "1,2,3:4,5:Up", r"channel 2 of example 3 .line 10. has 2 samples"),
        (HEADER + "@data\n" + ROWS + "1,2,3:4,5,6:U", "example 3 has the label `u`, the header names only Up, Down"),
        (HEADER + "@data\n" + ROWS + "1,2,3:4,5,6:", "example 3 has the label ``"),
        (HEADER + "@data\n" + ROWS + "1,2", "example 3 .* holds no values"),
        (HEADER + "@data\n" + ROWS + "\n" + ROWS, r"example 3 .line 10. holds no values: the line is empty"),
        (HEADER + "@data\n1,2,x:4,5,6:Up\n", "channel 1 of example 1 .line 8. holds `x`, which is no number"),
        (HEADER + "@data\n", "no examples after @data"),
        (HEADER, "no line `@data`"),
        (HEADER[:60], "no line `@data`"),
        ("", "no line `@data`"),
        (HEADER.replace("timeStamps false", "timeStamps true") + "@data\n", "time stamps"),
        (HEADER.replace("@classLabel true Up Down", "@targetLabel true") + "@data\n1:2:0.5\n", "regression"),
        (HEADER.replace("@classLabel true Up Down\n", "") + "@data\n" + ROWS, "names no classes"),
        (HEADER.replace("true Up Down", "true") + "@data\n" + ROWS, "names no classes"),
        (HEADER.replace("true Up Down", "") + "@data\n" + ROWS, "names no classes"),
        (HEADER.replace("Up Down", "up UP") + "@data\n" + ROWS, "more than upper and lower case"),
        (HEADER.replace("@univariate false", "@univariate") + "@data\n" + ROWS, "boolean"),
        (HEADER.replace("@univariate false", "@univariate true") + "@data\n" + ROWS, "univariate"),
        (HEADER.replace("@problemName made", "@problemName") + "@data\n" + ROWS, "cut off or damaged"),
        ("\x00\x01\x02", "no line `@data`"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_ts(write(tmp_path, text))
    assert "made_TRAIN.ts" in str(caught.value)
    assert "TextIOWrapper" not in str(caught.value)


def test_cut_off_anywhere_but_between_lines(tmp_path: Path) -> None:
    """All cuts in the last line are found, but for those that leave it whole."""
    text = HEADER + "@data\n" + ROWS
    for length in range(len(text) - len("-1,-2,-3:1e-3,?,NaN:Down\n") + 1, len(text) - 1):
        with pytest.raises(DataError):
            read_ts(write(tmp_path, text[:length]))


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_ts(tmp_path / "none.ts")
