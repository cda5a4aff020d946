"""The standard library as gevent's. Web and worker import this module before any other.

A lock or `threading.local` made before it is patched stays the operating system's: all greenlets of
a process would share one value, and wait with the whole process.
"""

import warnings

from gevent import monkey

warnings.simplefilter("error", monkey.MonkeyPatchWarning)
monkey.patch_all()
