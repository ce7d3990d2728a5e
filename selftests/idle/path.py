# SPDX-License-Identifier: GPL-2.0
"""Where the harness is."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'wire'))
