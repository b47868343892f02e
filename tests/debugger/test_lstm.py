"""LSTMs: the twin that shows its gates is the operator's float form, and the integers inside are those of the operator."""

import numpy as np
import pytest
import recurrent_models

import qref
from qref.debugger import debug
