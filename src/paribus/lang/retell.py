"""Sentences that records hold in English, told anew in the current language where they are known.

What an audit found and why a trial failed is written down once, in English, where it happened. Its sentences are taken
apart again here. One that is not known, as of an earlier version, stays as it is.
"""

import re

from paribus.lang import ENGLISH, LANGUAGES, current, tr

OURS = frozenset(
    ["channels", "clause", "earlier", "lags", "later", "listed", "next_clause", "part", "processor", "shade"]
)
"""Groups of patterns that hold words of ours and are told anew themselves; the others hold numbers and names."""

Known = tuple[re.Pattern[str], str]


def known(pattern: str, message: str) -> Known:
    """A sentence and its message, whose placeholders are the groups; ``#`` stands for a number as ``1,236``."""
    return re.compile(pattern.replace("#", r"[\d,]+"), re.DOTALL), message


def retold(text: str) -> str:
    """A sentence of a record in the current language; as it is where it is not known, and in English."""
    if current() is LANGUAGES[ENGLISH]:
        return text
    for pattern, message in _KNOWN:
        if match := pattern.fullmatch(text):
            groups = match.groupdict().items()
            return tr(message, **{name: retold(found) if name in OURS else found for name, found in groups})
    return text


_PART = "training|validation|test"
_SAMPLES = (
    known(
        r"(?P<n>#) files? could not be decoded and (?:was|were) left out",
        "{n} files could not be decoded and were left out",
    ),
    known(r"(?P<n>#) examples? with NaN or infinite values", "{n} examples with NaN or infinite values"),
    known(
        r"(?P<n>#) examples? with NaN or infinite values dropped: (?P<listed>.+)",
        "{n} examples with NaN or infinite values dropped: {listed}",
    ),
    known(
        r"classes are unbalanced: of (?P<n>#) training examples? (?P<most>#) are `(?P<larger>.+)` and (?P<least>#) "
        r"`(?P<smaller>.+)`, (?P<ratio>[\d.]+) : 1",
        "classes are unbalanced: of {n} training examples {most} are `{larger}` and {least} `{smaller}`, {ratio} : 1",
    ),
    known(
        r"classes are unbalanced: of (?P<n>#) training examples? (?P<most>#) are `(?P<larger>.+)` and (?P<least>#) "
        r"`(?P<smaller>.+)`",
        "classes are unbalanced: of {n} training examples {most} are `{larger}` and {least} `{smaller}`",
    ),
    known(
        r"(?P<n>#) of (?P<all>#) groups? (?:has|have) a class at least (?P<times>[\d.]+) times as large as another; "
        r"the most uneven, (?P<group>.+), has (?P<sizes>[\d :]+)",
        "{n} of {all} groups have a class at least {times} times as large as another; the most uneven, {group}, has "
        "{sizes}",
    ),
    known(
        r"(?P<n>#) images? of a single colour \((?P<listed>.+)\); all (?P<shade>black|zero): (?P<zero>#)",
        "{n} images of a single colour ({listed}); all {shade}: {zero}",
    ),
    known(
        r"(?P<n>#) trials? without a signal, every channel flat \((?P<listed>.+)\); all (?P<shade>black|zero): "
        r"(?P<zero>#)",
        "{n} trials without a signal, every channel flat ({listed}); all {shade}: {zero}",
    ),
    known(r"no test example of class(?:es)? (?P<listed>.+)", "no test example of classes {listed}"),
)
_COPIES = (
    known(
        rf"(?P<n>#) (?P<part>{_PART}) examples? (?:is an exact copy|are exact copies) of an earlier (?:{_PART}) "
        r"example: (?P<groups>#) groups? of equal ones, (?P<all>#) examples in all",
        "{n} {part} examples are exact copies of an earlier {part} example: {groups} groups of equal ones, {all} "
        "examples in all",
    ),
    known(
        rf"(?P<n>#) (?P<part>{_PART}) examples? (?:is an exact copy|are exact copies) of an earlier (?:{_PART}) "
        r"example: (?P<groups>#) groups? of equal ones, (?P<all>#) examples in all; a validation split that is drawn "
        "may part them",
        "{n} {part} examples are exact copies of an earlier {part} example: {groups} groups of equal ones, {all} "
        "examples in all; a validation split that is drawn may part them",
    ),
    known(
        r"(?P<n>#) groups? of exact copies in training (?:has|have) conflicting classes, (?P<all>#) examples in all",
        "{n} groups of exact copies in training have conflicting classes, {all} examples in all",
    ),
    known(
        rf"(?P<n>#) of (?P<all>#) (?P<later>{_PART}) examples? also stands? in (?P<earlier>{_PART}) as exact copies "
        rf"\((?P<distinct>#) distinct; (?P<copies>#) copies in (?:{_PART})\)",
        "{n} of {all} {later} examples also stand in {earlier} as exact copies ({distinct} distinct; {copies} copies "
        "in {earlier})",
    ),
    known(
        rf"(?P<n>#) of (?P<all>#) (?P<later>{_PART}) examples? also stands? in (?P<earlier>{_PART}) as exact copies "
        rf"\((?P<distinct>#) distinct; (?P<copies>#) copies in (?:{_PART})\); (?P<others>#) of them with another class "
        "there",
        "{n} of {all} {later} examples also stand in {earlier} as exact copies ({distinct} distinct; {copies} copies "
        "in {earlier}); {others} of them with another class there",
    ),
    known(
        r"(?P<n>#) images? look nearly like another, in (?P<pairs>#) pairs?, of which (?P<across>#) \(with "
        r"(?P<images>#) images?\) lie across parts: perceptual hashes that differ in at most (?P<bits>#) bits of 63, "
        "exact copies and constant images aside; look at them before you trust it",
        "{n} images look nearly like another, in {pairs} pairs, of which {across} (with {images} images) lie across "
        "parts: perceptual hashes that differ in at most {bits} bits of 63, exact copies and constant images aside; "
        "look at them before you trust it",
    ),
)
_SIGNALS = (
    known(
        r"(?P<n>#) trials? of (?P<all>#) with a flat channel, (?P<flat>#) channels? in all",
        "{n} trials of {all} with a flat channel, {flat} channels in all",
    ),
    known(
        r"(?P<n>#) trials? of (?P<all>#) with a flat channel, (?P<flat>#) channels? in all; flat in every trial: "
        r"(?P<always>#) channels? of (?P<of>#) \((?P<channels>.+)\)",
        "{n} trials of {all} with a flat channel, {flat} channels in all; flat in every trial: {always} channels of "
        "{of} ({channels})",
    ),
    known(
        r"(?P<n>#) trials? of (?P<all>#) looks? clipped: a channel stays at its highest or lowest value for "
        r"(?P<samples>#) samples or more \((?P<channels>.+)\)",
        "{n} trials of {all} look clipped: a channel stays at its highest or lowest value for {samples} samples or "
        "more ({channels})",
    ),
    known(
        r"(?P<n>#) trials? of (?P<all>#) (?:is|are) outlying: in a channel, the log variance lies more than "
        r"(?P<bound>[\d.]+) robust standard deviations \(1.4826 MAD\) from the channel's median; the farthest first, "
        r"by (?P<farthest>[\d.]+)",
        "{n} trials of {all} are outlying: in a channel, the log variance lies more than {bound} robust standard "
        "deviations (1.4826 MAD) from the channel's median; the farthest first, by {farthest}",
    ),
    known(
        r"(?P<n>#) of (?P<all>#) channels repeat, in every example, the channel before, shifted by (?P<lags>[\d or]+) "
        "samples: they are no electrodes of their own",
        "{n} of {all} channels repeat, in every example, the channel before, shifted by {lags} samples: they are no "
        "electrodes of their own",
    ),
    known(r"(?P<lag>\d+) or (?P<lags>[\d or]+)", "{lag} or {lags}"),
    known(r"channels? (?P<listed>\d.*)", "channels {listed}"),
)
_FILES = (
    known(r"keys of the file that were not used: (?P<keys>.+)", "keys of the file that were not used: {keys}"),
    known(
        r"test part drawn: (?P<share>[\d.e-]+) % of each class, the same for every seed",
        "test part drawn: {share} % of each class, the same for every seed",
    ),
    known(
        r"test part drawn: (?P<share>[\d.e-]+) % of each class, the same for every seed; its groups are those of the "
        "training part",
        "test part drawn: {share} % of each class, the same for every seed; its groups are those of the training part",
    ),
    known(
        r"test part drawn: (?P<n>\d+) of (?P<all>\d+) groups, (?P<share>\d+) % of the examples, the same for every "
        r"seed",
        "test part drawn: {n} of {all} groups, {share} % of the examples, the same for every seed",
    ),
    known(
        r"(?P<n>\d+) of the (?P<all>\d+) groups of the training part stand in the test part, too, which was brought "
        r"with the data and stays as it is: (?P<groups>.+)",
        "{n} of the {all} groups of the training part stand in the test part, too, which was brought with the data "
        "and stays as it is: {groups}",
    ),
    known(
        r"(?P<n>\d+) of the (?P<all>\d+) groups of the training part stand in the validation part, too, which was "
        r"brought with the data and stays as it is: (?P<groups>.+)",
        "{n} of the {all} groups of the training part stand in the validation part, too, which was brought with the "
        "data and stays as it is: {groups}",
    ),
    known(
        r"x was taken for EEG, and none of its values is below 0: add `kind` to the file if these are images",
        "x was taken for EEG, and none of its values is below 0: add `kind` to the file if these are images",
    ),
    known(
        r"x was taken for images, and has values below 0: add `kind` or `sfreq_hz` to the file if this is EEG",
        "x was taken for images, and has values below 0: add `kind` or `sfreq_hz` to the file if this is EEG",
    ),
    known(
        r"files that are no images were left alone: (?P<n>\d+), as (?P<file>.+)",
        "files that are no images were left alone: {n}, as {file}",
    ),
    known(
        r"files that do not end as images do were left alone: (?P<n>\d+), as (?P<file>.+)",
        "files that do not end as images do were left alone: {n}, as {file}",
    ),
    known(
        r"images outside of the class folders were left alone: (?P<n>\d+), as (?P<file>.+)",
        "images outside of the class folders were left alone: {n}, as {file}",
    ),
    known(r"unreadable files left out: (?P<n>\d+), as (?P<file>.+)", "unreadable files left out: {n}, as {file}"),
)
_WHAT_DATA_ARE = (
    known(
        r"the handwritten digits of scikit-learn, 8 x 8 pixels, grey values from 0 to 16",
        "the handwritten digits of scikit-learn, 8 x 8 pixels, grey values from 0 to 16",
    ),
    known(r"FER2013: grey faces, 7 expressions", "FER2013: grey faces, 7 expressions"),
    known(r"CIFAR-10, JPEG copy", "CIFAR-10, JPEG copy"),
    known(
        r"BCI Competition III, data set IIIb: subjects S4b and X11b imagining their left or right hand move",
        "BCI Competition III, data set IIIb: subjects S4b and X11b imagining their left or right hand move",
    ),
    known(
        r"(?P<name>.+) of the aeon archive, (?P<n_channels>#) channels x (?P<n_times>#) samples",
        "{name} of the aeon archive, {n_channels} channels x {n_times} samples",
    ),
    known(r"(?P<name>.+) of the Hugging Face hub", "{name} of the Hugging Face hub"),
    known(r"images of the folder (?P<name>.+)", "images of the folder {name}"),
    known(r"images of 16 bits scaled to 8: (?P<n>\d+)", "images of 16 bits scaled to 8: {n}"),
    known(r"images of (?P<name>.+)", "images of {name}"),
    known(
        r"arrays of (?P<file>.+), examples of shape (?P<shape>[\d x]+)", "arrays of {file}, examples of shape {shape}"
    ),
    known(r"(?P<size>\d+ x \d+) grey", "{size} grey"),
    known(r"(?P<size>\d+ x \d+) colour", "{size} colour"),
    known(
        r"grey images beside colour ones are shown as colour: (?P<n>\d+)",
        "grey images beside colour ones are shown as colour: {n}",
    ),
    known(r"alpha channels dropped: (?P<n>\d+)", "alpha channels dropped: {n}"),
    known(
        r"files with several pictures, of which the first is taken: (?P<n>\d+)",
        "files with several pictures, of which the first is taken: {n}",
    ),
)
_KERNELS = (
    known(r"compiled for (?P<processor>.+) by (?P<compiler>.+)", "compiled for {processor} by {compiler}"),
    known(r"(?P<name>\w+) with bf16", "{name} with bf16"),
    known(r"PyTorch's own", "PyTorch's own"),
    known(r"PyTorch alone: \$PARIBUS_KERNELS is off", "PyTorch alone: $PARIBUS_KERNELS is off"),
    known(
        r"PyTorch alone: found no C\+\+ compiler \(g\+\+ or clang\+\+\)",
        "PyTorch alone: found no C++ compiler (g++ or clang++)",
    ),
)
_FAILURES = (
    known(
        r"the loss became (?P<value>\S+) in epoch (?P<epoch>\d+), batch (?P<batch>\d+)",
        "the loss became {value} in epoch {epoch}, batch {batch}",
    ),
    known(
        r"the loss became (?P<value>\S+) in epoch (?P<epoch>\d+), batch (?P<batch>\d+): lower train\.optimizer\.lr, or "
        "look for extreme values in the data",
        "the loss became {value} in epoch {epoch}, batch {batch}: lower train.optimizer.lr, or look for extreme values "
        "in the data",
    ),
)
_WITHIN = (
    known(r"(?P<clause># in \w+), (?P<next_clause># in .+)", "{clause}, {next_clause}"),
    known(rf"(?P<n>#) in (?P<part>{_PART})", "{n} in {part}"),
    known(r"(?P<names>.+) and (?P<n>\d+) more", "{names} and {n} more"),
    known(r"training", "training"),
    known(r"validation", "validation"),
    known(r"test", "test"),
    known(r"black", "black"),
    known(r"zero", "zero"),
)
_KNOWN = (*_SAMPLES, *_COPIES, *_SIGNALS, *_FILES, *_WHAT_DATA_ARE, *_KERNELS, *_FAILURES, *_WITHIN)
