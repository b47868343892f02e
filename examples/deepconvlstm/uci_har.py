"""The UCI HAR data set (Anguita and others, 2013), read from its folder in the form of signals.py.

The folder, "UCI HAR Dataset", holds train/ and test/ with "Inertial Signals", y_*.txt and subject_*.txt. Acceleration is
converted from g to m/s^2; angular velocity is in rad/s there. Of the 21 persons of the training part, the last four are set apart
to calibrate.
"""

from __future__ import annotations

import pathlib

import numpy as np
from signals import CHANNELS, GRAVITY, SEED, STEPS

from qref.errors import InputError

SIGNALS = tuple(f"{kind}_{axis}" for kind in ("total_acc", "body_gyro") for axis in "xyz")
SET_APART = 4


def windows(folder: pathlib.Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Windows of "train", "calibration" or "test": x float32 [n, 128, 6, 1] in m/s^2 and rad/s, classes int64 [n] from 0;
    shuffled, since the files hold one activity after the other.

    Raises InputError for a file that is missing or holds something else.
    """
    source = folder / ("test" if part == "test" else "train")
    name = source.name
    x = np.stack([_table(source / "Inertial Signals" / f"{s}_{name}.txt", STEPS) for s in SIGNALS], axis=-1)[..., None]
    x[:, :, : CHANNELS // 2] *= GRAVITY
    classes, persons = (_table(source / f"{what}_{name}.txt", 1)[:, 0].astype(np.int64) for what in ("y", "subject"))
    if not len(x) == len(classes) == len(persons):
        raise InputError(f"{source}: {len(x)} windows, {len(classes)} classes and {len(persons)} persons; they should be as many")
    apart = np.isin(persons, np.unique(persons)[-SET_APART:])
    chosen = {"train": ~apart, "calibration": apart, "test": np.ones_like(apart)}[part]
    order = np.random.default_rng(SEED).permutation(np.flatnonzero(chosen))
    return x[order].astype(np.float32), classes[order] - 1


def _table(path: pathlib.Path, columns: int) -> np.ndarray:
    try:
        found = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}; --uci names the folder 'UCI HAR Dataset'") from None
    if found.shape[1] != columns or not np.isfinite(found).all():
        raise InputError(f"{path} holds {found.shape[1]} columns; expected {columns} of finite numbers")
    return found
