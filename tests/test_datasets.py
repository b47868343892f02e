"""Datasets: floats for quantized inputs, and files that do not hold what they should."""

import numpy as np
import pytest

from qref.datasets import Images, samples
from qref.errors import InputError


def detail(name="x", shape=(1, 2), dtype=np.float32, quantization=(0.0, 0)):
    return {"name": name, "shape": np.array(shape), "dtype": dtype, "quantization": quantization}


def test_floats_for_a_quantized_input_are_quantized_and_its_own_integers_are_left_as_they_are():
    quantized = detail(dtype=np.int8, quantization=(0.5, 3))
    for given in (np.float32([[[1, -100]]]), np.float64([[[1, -100]]])):
        ((sample,),) = samples(given, [quantized])
        np.testing.assert_array_equal(sample, np.int8([[5, -128]]))
    ((sample,),) = samples(np.int8([[[1, -100]]]), [quantized])
    np.testing.assert_array_equal(sample, np.int8([[1, -100]]))
    with pytest.raises(InputError, match=r"sample 0: input 'x' takes int8 .* found uint8"):
        list(samples(np.uint8([[[1, 2]]]), [quantized]))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("quantization", [(0.0, 0), (0.5, 3)])
def test_what_is_not_finite_in_float32_is_refused_by_its_number(value, quantization):
    given = np.zeros((3, 1, 2))
    given[2, 0, 1] = value
    dtype = np.int8 if quantization[0] else np.float32
    with pytest.raises(InputError, match="sample 2: input 'x' holds NaN or infinity"):
        list(samples(given, [detail(dtype=dtype, quantization=quantization)]))


def test_inputs_with_different_numbers_of_samples_are_refused(tmp_path):
    arrays = {"x": np.zeros((3, 1, 2), np.float32), "y": np.zeros((4, 1, 2), np.float32)}
    np.savez(tmp_path / "data.npz", **arrays)
    for source in (arrays, tmp_path / "data.npz"):
        with pytest.raises(InputError, match=r"different numbers of samples: \{'x': 3, 'y': 4\}"):
            list(samples(source, [detail("x"), detail("y")]))


def test_files_that_hold_no_samples_are_refused_by_name(tmp_path):
    np.save(tmp_path / "number.npy", np.float32(1))
    np.save(tmp_path / "objects.npy", np.array([None], object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", np.array([None], object))
    np.savez(tmp_path / "cut.npz", np.zeros(1000))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:100])
    (tmp_path / "array.npz").write_bytes((tmp_path / "number.npy").read_bytes())
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match=path.name):
            list(samples(path, [detail()]))


def test_images_are_scaled_as_asked(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.uint8([[0, 255], [51, 204]])).save(tmp_path / "a.png")
    details = [detail(shape=(1, 2, 2, 1))]
    for pixels, expected in (((0, 1), [0, 1, 0.2, 0.8]), ((-1, 1), [-1, 1, -0.6, 0.6])):
        ((found,),) = samples(Images(tmp_path, pixels), details)
        np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)
    with pytest.raises(InputError, match="pixels are from 1 to 1"):
        Images(tmp_path, (1, 1))
