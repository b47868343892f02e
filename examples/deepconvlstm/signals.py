"""Synthetic motion signals of a sensor at the waist, in the shape of the UCI HAR data set: 128 steps at 50 Hz, 6 channels.

Channels 0 to 2 are acceleration in m/s^2, gravity included; 3 to 5 are angular velocity in rad/s: what a phone gives, not
normalized. The axes are up, left and forward of a person who stands upright, as far as the sensor is mounted straight.

    acceleration = clip(R (gravity + gait) + knock + noise)        angular velocity = clip(R turns + knock + bias + noise)

R        how the person wears the sensor; posture and a slow sway tilt gravity
gait     for walking, a sum of four harmonics of the steps in each axis; left and right steps differ, so that it repeats with the
         stride, two steps; each foot strike is a short pulse, sharp downstairs, soft upstairs
persons  differ in cadence, strength, tilt of sensor and trunk, symmetry; each window differs a little from the person's mean
static   sitting, standing and lying differ in the trunk's tilt alone; sitting upright and standing overlap
knock    in 2 % of the windows something hits the sensor: a short ringing that comes near its full scale, 16 g and 2000 degrees/s
noise    white, of the size of a phone's sensor

Amplitudes are of the size seen at the waist, not fitted to recordings. The knocks are what makes the signals hard for int8:
ranges from the least to the greatest value must hold them, and leave few steps for all else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLASSES = ("walking", "upstairs", "downstairs", "sitting", "standing", "laying")  # in the order of UCI HAR
STEPS, CHANNELS, RATE = 128, 6, 50.0  # RATE in Hz
GRAVITY = 9.80665  # m/s^2
FULL_SCALE = np.repeat((16 * GRAVITY, np.radians(2000)), 3)  # of the channels, m/s^2 and rad/s
KNOCKED = 0.02  # share of windows
PERSONS = 30
PARTS = {"train": range(20), "calibration": range(20, 24), "test": range(24, PERSONS)}  # persons, none in two parts
SEED = 2016


@dataclass(frozen=True, slots=True)
class Gait:
    """Moving: cadence relative to walking, amplitudes of the steps' harmonics, of the stride, of the strike and of the turns.

    vertical, forward   g, for the first four harmonics of the step frequency
    lateral             g, at the stride frequency
    strike              g, and its width in s
    turns               rad/s, about the axes up, left and forward
    lean                of the trunk, forward, rad
    """

    cadence: float
    vertical: tuple[float, ...]
    forward: tuple[float, ...]
    lateral: float
    strike: tuple[float, float]
    turns: tuple[float, float, float]
    lean: float


GAITS = {
    "walking": Gait(1.0, (0.26, 0.10, 0.04, 0.02), (0.14, 0.06, 0.03, 0.01), 0.10, (0.35, 0.030), (0.45, 0.40, 0.35), 0.05),
    "upstairs": Gait(0.88, (0.24, 0.08, 0.03, 0.01), (0.15, 0.05, 0.02, 0.01), 0.12, (0.25, 0.040), (0.50, 0.55, 0.40), 0.14),
    "downstairs": Gait(1.03, (0.30, 0.13, 0.06, 0.03), (0.13, 0.07, 0.04, 0.02), 0.11, (0.60, 0.022), (0.45, 0.50, 0.40), 0.02),
}
TILTS = {"sitting": (-0.16, 0.14), "standing": (0.03, 0.09), "laying": (-1.45, 0.15)}  # mean and spread of the trunk's tilt, rad


@dataclass(frozen=True, slots=True)
class Person:
    """What is the person's own, and how the sensor sits."""

    cadence: float  # steps in a second
    strength: float
    asymmetry: float  # of left and right steps
    posture: float  # rad, added to the trunk's tilt
    mounting: np.ndarray  # rotation vector, rad
    bias: np.ndarray  # of the gyroscope, rad/s

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Person:
        """A person at random."""
        return cls(
            cadence=rng.normal(1.85, 0.15),
            strength=rng.lognormal(0.0, 0.25),
            asymmetry=rng.uniform(0.0, 0.3),
            posture=rng.normal(0.0, 0.06),
            mounting=rng.normal(0.0, (0.10, 0.08, 0.08)),
            bias=rng.normal(0.0, 0.02, 3),
        )


def windows(part: str, count: int, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Windows of one part's persons, `count` for each person and class: x float32 [n, 128, 6, 1], classes int64 [n], shuffled."""
    found, labels = [], []
    for number in PARTS[part]:
        rng = np.random.default_rng((seed, number))
        person = Person.draw(rng)
        for label, activity in enumerate(CLASSES):
            found.append(record(person, activity, count, rng))
            labels.append(np.full(count, label))
    order = np.random.default_rng((seed, PERSONS)).permutation(count * len(found))
    return np.concatenate(found)[order, ..., None].astype(np.float32), np.concatenate(labels)[order]


def record(person: Person, activity: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Windows of a person in one activity, float64 [count, 128, 6]."""
    time = np.arange(STEPS) / RATE
    moved, turned, tilt = (
        _moving(person, GAITS[activity], time, count, rng) if activity in GAITS else _still(activity, count, rng)
    )
    sway = rng.normal(0, 0.015, (count, 1)) * np.sin(
        2 * np.pi * (rng.uniform(0.2, 0.6, (count, 1)) * time + rng.random((count, 1)))
    )
    tilts = tilt[:, None] + person.posture + sway
    gravity = np.stack([np.cos(tilts), np.zeros_like(tilts), -np.sin(tilts)], axis=-1)
    turned = turned + np.gradient(tilts, 1 / RATE, axis=1)[..., None] * np.array([0.0, 1.0, 0.0])
    roll = _rolls(activity, count, rng)
    sensor = _rotations(person.mounting + rng.normal(0, 0.03, (count, 3))) @ _rotations(roll)
    seen = [np.einsum("nij,ntj->nti", sensor, vectors) for vectors in (gravity + moved, turned)]
    noise = rng.normal(0, np.repeat((0.03 * GRAVITY, 0.04), 3), (count, STEPS, CHANNELS))
    signals = np.concatenate([GRAVITY * seen[0], seen[1] + person.bias], axis=-1) + noise + _knocks(count, rng)
    return np.clip(signals, -FULL_SCALE, FULL_SCALE)


def _moving(
    person: Person, gait: Gait, time: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Acceleration and angular velocity of the trunk, [count, 128, 3], and its lean [count]."""
    cadence = person.cadence * gait.cadence * rng.normal(1, 0.06, (count, 1))
    steps = rng.uniform(0, 2, (count, 1)) + np.cumsum(cadence / RATE * rng.normal(1, 0.08, (count, STEPS)), axis=1)
    strength = person.strength * rng.lognormal(0, 0.15, (count, 1)) * (1 + person.asymmetry * np.cos(np.pi * steps))
    own = rng.lognormal(0, 0.2, (3, count, 4, 1))
    up, ahead = (
        sum(a * own[i, :, k] * np.sin(2 * np.pi * (k + 1) * steps + phase) for k, a in enumerate(amplitudes))
        for i, (amplitudes, phase) in enumerate(((gait.vertical, 0.0), (gait.forward, np.pi / 3)))
    )
    aside = gait.lateral * own[2, :, 0] * np.sin(np.pi * steps)
    height, width = gait.strike
    since = (steps % 1) / cadence
    pulse = height * own[2, :, 1] * np.exp(-0.5 * ((since - 0.06) / width) ** 2)
    moved = strength[..., None] * np.stack([up + pulse, aside, ahead - 0.4 * pulse], axis=-1)
    yaw, pitch, rolling = gait.turns
    turned = np.stack(
        [yaw * np.sin(np.pi * steps + 0.5), pitch * np.sin(2 * np.pi * steps + 1.0), rolling * np.cos(np.pi * steps)], axis=-1
    )
    return moved, strength[..., None] * turned, gait.lean + rng.normal(0, 0.05, count)


def _still(activity: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """No gait: the trunk's tilt [count], and a fidget in some of the windows."""
    mean, spread = TILTS[activity]
    fidgets = rng.random(count) < 0.3
    centre, width = rng.uniform(0, STEPS, (count, 1)), rng.uniform(5, 15, (count, 1))
    bump = fidgets[:, None] * np.exp(-0.5 * ((np.arange(STEPS) - centre) / width) ** 2)
    moved = bump[..., None] * rng.normal(0, 0.08, (count, 1, 3))
    turned = bump[..., None] * rng.normal(0, 0.4, (count, 1, 3))
    return moved, turned, rng.normal(mean, spread, count)


def _knocks(count: int, rng: np.random.Generator) -> np.ndarray:
    """What hits the sensor in some of the windows: a damped ringing in every channel, [count, 128, 6]."""
    since = np.arange(STEPS) - rng.integers(0, STEPS, (count, 1))
    ringing = np.where(since >= 0, np.exp(-np.maximum(since, 0) / 2) * np.cos(2.2 * since), 0.0)
    peaks = rng.uniform(-1, 1, (count, 1, CHANNELS)) * FULL_SCALE * np.repeat((1.0, 0.3), 3)
    return (rng.random(count) < KNOCKED)[:, None, None] * ringing[..., None] * peaks


def _rolls(activity: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rotation vectors about the body's long axis [count, 3]: who lies, lies on the back, the front or a side."""
    spread = (
        rng.choice([0.0, np.pi / 2, -np.pi / 2, np.pi], count, p=[0.6, 0.15, 0.15, 0.1])
        if activity == "laying"
        else np.zeros(count)
    )
    return np.stack([spread, np.zeros(count), np.zeros(count)], axis=-1)


def _rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices [n, 3, 3] of rotation vectors [n, 3] in rad (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[:, None, None]
    x, y, z = (vectors / np.maximum(angle[..., 0], 1e-12)).T
    zero = np.zeros_like(x)
    k = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)
