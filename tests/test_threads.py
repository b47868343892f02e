"""Several threads give what one gives, in every bit, whoever takes which part of which call."""

import os
import random
import threading

import numpy as np
import pytest

import qref
from qref.bench import find_subjects
from qref.dispatch import cut, threads
from qref.dispatch.cut import Call, along_first_axis, stages
from qref.dispatch.program import Program
from qref.inputs import inputs_of, start
from qref.kernels import lookup_table
from qref.kernels.cpu import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="without compilation there are no programs to share")

RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")
OPERATORS = {
    "1x1 convolution": "CONV_2D:9x10x12x40k1",
    "convolution": "CONV_2D:9x10x12x40k3s2",
    "convolution, no padding, dilated": "CONV_2D:9x10x5x20k3d2v",
    "convolution along time": "CONV_2D:1x90x12x40k1x3",
    "depthwise": "DEPTHWISE_CONV_2D:9x10x20k3",
    "depthwise, stride 2": "DEPTHWISE_CONV_2D:9x10x20k3s2",
    "depthwise, twice the channels": "DEPTHWISE_CONV_2D:9x10x10k3m2",
    "depthwise, no padding, dilated": "DEPTHWISE_CONV_2D:9x10x20k3d2v",
    "one row": "FULLY_CONNECTED:1x100x210",
    "many rows": "FULLY_CONNECTED:100x100x50",
    "sums": "ADD:3x7x11",
    "softmax": "SOFTMAX:13x40",
}


@pytest.fixture
def cut_everything(monkeypatch):
    monkeypatch.setattr(cut, "LEAST", 1e-6)
    monkeypatch.setattr(cut, "WORTH", 0.0)


def started(model, num_threads, batch=None, **options):
    interpreter = qref.Interpreter(model_content=model, num_threads=num_threads, **options)
    inputs = inputs_of(model, (), 5)
    if batch is not None:
        for index, array in inputs.items():
            interpreter.resize_tensor_input(index, (batch, *array.shape[1:]))
        inputs = {i: np.concatenate([np.roll(a, n) for n in range(batch)]) for i, a in inputs.items()}
    start(interpreter, inputs)
    return interpreter


def tensors(interpreter):
    interpreter.reset_all_variables()
    interpreter.invoke()
    count = len(interpreter.get_tensor_details())
    return {i: interpreter.get_tensor(i).tobytes() for i in range(count) if interpreter.is_held(i)}


def programs(interpreter):
    return [part for part in interpreter._executions[0].parts if isinstance(part, Program)]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", OPERATORS)
def test_bits_do_not_depend_on_the_number_of_threads(name, runtime, cut_everything):
    (subject,) = find_subjects([OPERATORS[name]])
    for batch in (None, 3) if "CONV" in OPERATORS[name] else (None,):
        want = tensors(started(subject.model, 1, batch, runtime=runtime))
        for num_threads in (2, 3):
            interpreter = started(subject.model, num_threads, batch, runtime=runtime)
            assert tensors(interpreter) == want
            assert any(program._compiled._work is not None for program in programs(interpreter))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", ["digits_cnn_int8", "deepconvlstm_int8", "digits_cnn_drq", "digits_cnn_int16"])
def test_bundled_models_have_the_same_bits_on_three_threads(name, runtime, cut_everything):
    model = qref.load(qref.bundled(name))
    want, interpreter = tensors(started(model, 1, runtime=runtime)), started(model, 3, runtime=runtime)
    for _ in range(10):
        assert tensors(interpreter) == want


@pytest.mark.parametrize("name", ["digits_cnn_int8", "deepconvlstm_int8"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_parts_of_a_stage_run_in_any_order(name, runtime, cut_everything):
    interpreter = started(qref.load(qref.bundled(name)), 4, runtime=runtime)
    want, several = tensors(interpreter), 0
    interpreter.reset_all_variables()
    for program in programs(interpreter):
        for stage in stages(program.calls, 4):
            several += len(stage) > 1
            for part in random.Random(len(stage)).sample(stage, len(stage)):
                for call in part:
                    call.kernel(*call.arguments)
    assert several
    assert {i: interpreter.get_tensor(i).tobytes() for i in want} == want


def test_a_call_with_little_to_do_stays_whole():
    x, y = np.zeros((2, 100), np.uint8)
    calls = [along_first_axis(Call(lookup_table.copy, (x, y)), (0, -1), work) for work in (0.001, 1e6, 0.001, 0.001)]
    assert [len(stage) for stage in stages(calls, 1)] == [1]
    assert [len(stage) for stage in stages(calls, 2)] == [1, 2 * cut.PER_THREAD, 1]
    assert [len(part) for part in stages(calls, 2)[-1]] == [2]


def test_where_all_together_is_little_nothing_is_shared():
    x, y = np.zeros((2, 100), np.uint8)
    call = along_first_axis(Call(lookup_table.copy, (x, y)), (0, -1), 0.3 * cut.WORTH / 100)
    assert len(stages([call] * 3, 2)) == 1
    assert len(stages([call] * 4, 2)) == 4


def test_parts_are_multiples_of_the_step_and_leave_nothing_out():
    x, y = np.arange(200, dtype=np.uint8).reshape(2, 100)
    ((*parts,),) = stages([along_first_axis(Call(lookup_table.copy, (x, y)), (0, 1), 1e6, step=16)], 2)
    sizes = [call.arguments[0].size for (call,) in parts]
    assert sum(sizes) == 100
    assert all(size % 16 == 0 for size in sizes[:-1])


def test_interpreters_of_several_python_threads_share_the_workers(cut_everything):
    model, wrong = qref.load(qref.bundled("digits_cnn_int8")), []

    def run(seed):
        one, two = started(model, 1), started(model, 3)
        (index,) = (d["index"] for d in one.get_input_details())
        generator = np.random.default_rng(seed)
        for _ in range(60):
            image = generator.integers(-128, 128, one.get_tensor(index).shape).astype(np.int8)
            one.set_tensor(index, image)
            two.set_tensor(index, image)
            if tensors(one) != tensors(two):
                wrong.append(seed)

    callers = [threading.Thread(target=run, args=(seed,)) for seed in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_nobody_is_inside_after_a_run(cut_everything):
    interpreter = started(qref.load(qref.bundled("digits_cnn_int8")), 4)
    for _ in range(500):
        interpreter.invoke()
        assert threads._workers._state[0] == 0


def test_a_part_that_fails_ends_the_run(cut_everything):
    table, x, y = np.zeros(256, np.uint8), np.zeros(4, np.uint8), np.zeros(4, np.uint8)
    good = along_first_axis(Call(lookup_table.look_up, (table, x, y)), (1, 2), 1.0)
    program = Program([good, good], 2)
    bad = Program([good], 2)
    rows = program._compiled._table
    program()
    rows[5, 0] = _failing_entry()
    with pytest.raises(AssertionError, match=r"kernel lookup_table\.look_up of a program"):
        program()
    bad()  # and the workers go on


def _failing_entry():
    from qref.kernels.compiled import addresses_of

    (address,) = addresses_of("define i32 @qref_fails(ptr %slots) {\n  ret i32 1\n}", "qref_fails")
    return address


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_has_workers_of_its_own(cut_everything):
    interpreter = started(qref.load(qref.bundled("digits_cnn_int8")), 2)
    want = tensors(interpreter)
    child = os.fork()
    if child == 0:
        os._exit(0 if tensors(interpreter) == want and len(threads._workers._workers) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
