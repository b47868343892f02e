"""Labels: what each form means, and that what is none is refused by its place."""

import numpy as np
import pytest

from qref.errors import InputError
from qref.evaluation.labels import classes_of, read_labels, targets_of, task_of

SCORES = np.zeros((3, 4))
CLASSES = [2, 0, 3]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "label\n2\n0\n3\n"),
        ("labels.txt", "2\n\n0\n3"),
        ("onehot.csv", "a,b,c,d\n0,0,1,0\n1,0,0,0\n0,0,0,1\n"),
        ("probabilities.csv", "0.1,0.2,0.4,0.3\n1,0,0,0\n0.25 0.25 0.2 0.3\n"),
    ],
)
def test_text_files_give_classes(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    labels = read_labels(tmp_path / name)
    assert task_of(labels) == "classification"
    assert classes_of(labels, SCORES).tolist() == CLASSES


def test_array_files_give_classes(tmp_path):
    np.save(tmp_path / "one.npy", CLASSES)
    np.savez(tmp_path / "one.npz", CLASSES)
    np.savez(tmp_path / "named.npz", x=[0], labels=CLASSES)
    for name in ("one.npy", "one.npz", "named.npz"):
        assert classes_of(read_labels(tmp_path / name), SCORES).tolist() == CLASSES


def test_real_values_mean_regression_unless_they_are_probabilities():
    assert task_of(np.float32([2, 0, 3])) == "regression"
    assert task_of(np.float32([[0.5, 0.5], [1, 0]])) == "classification"
    assert task_of(np.float32([[0.5, 0.6], [1, 0]])) == "regression"
    np.testing.assert_array_equal(targets_of(np.float32([2, 0, 3]), np.zeros((3, 1))), [[2], [0], [3]])


def test_whole_real_values_are_classes_where_the_task_is_classification():
    assert classes_of(np.float64(CLASSES), SCORES).tolist() == CLASSES


def test_an_only_output_has_two_classes():
    assert classes_of(np.array([1, 0]), np.zeros((2, 1))).tolist() == [1, 0]
    assert classes_of(np.array([[0, 1], [1, 0]]), np.zeros((2, 1))).tolist() == [1, 0]
    with pytest.raises(InputError, match="label 1 is 2; the model's classes are 0 to 1"):
        classes_of(np.array([1, 2]), np.zeros((2, 1)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 4, 1], "label 1 is 4; the model's classes are 0 to 3"),
        ([0, 1, -1], "label 2 is -1"),
        ([0, 1.5, 1], "label 1 is 1.5"),
        ([0, 1e300, 1], "label 1 is 1e[+]300"),
        ([0, 1], r"labels of shape \[2\] do not fit .* 3 rows of 4 numbers"),
        (np.ones((3, 4)), "one-hot or probabilities"),
        ([], r"labels of shape \[0\]"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        classes_of(np.array(labels), SCORES)


def test_classes_of_an_unknown_number_are_not_negative():
    assert classes_of(np.array(CLASSES), np.zeros(3, np.int64)).tolist() == CLASSES
    for wrong in (-1, 1 << 40):
        with pytest.raises(InputError, match=f"label 0 is {wrong}"):
            classes_of(np.array([wrong, 0, 0]), np.zeros(3, np.int64))


def test_targets_of_another_number_are_refused():
    with pytest.raises(InputError, match="choose the task classification"):
        targets_of(np.zeros(3), SCORES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"label\n1\n2\nx\n", "a.csv: label 2 is 'x'"),
        ("a.csv", b"1\n2,3\n", "label 1 is '2 3'; expected 1 numbers"),
        ("a.csv", b"", "holds no label"),
        ("a.csv", b"name\n", "holds no label"),
        ("a.csv", b"\xff\xfe\x00", "a.csv"),
        ("a.csv", b"nan\n1\n", "label 0 is NaN or infinite"),
        ("a.npy", b"\x93NUMPY", "a.npy"),
        ("a.npz", b"PK", "a.npz"),
        ("a.json", b"[]", "unknown kind"),
    ],
)
def test_files_that_hold_no_labels_are_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_labels(tmp_path / name)


def test_a_number_too_long_for_an_integer_is_a_real_value(tmp_path):
    (tmp_path / "a.csv").write_text("9" * 30 + "\n1\n")
    assert read_labels(tmp_path / "a.csv").tolist() == [1e30, 1]


@pytest.mark.parametrize("labels", [["cat", "dog"], [[1], [1, 2]], 3, [None], "missing.npy"])
def test_what_is_no_array_of_numbers_is_refused(labels):
    with pytest.raises(InputError):
        read_labels(labels)


def test_an_archive_of_several_arrays_needs_a_name(tmp_path):
    np.savez(tmp_path / "a.npz", first=CLASSES, second=CLASSES)
    with pytest.raises(InputError, match="'first', 'second'; name the labels 'labels' or 'y'"):
        read_labels(tmp_path / "a.npz")
