"""The package is declared in pyproject.toml; only building it needs code."""

import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class CleanBuildPy(build_py):
    """Copies modules into an empty folder.

    setuptools keeps `build/lib` between builds: a file deleted from the tree would stay in the
    next wheel, and a deleted platform would still be discovered.
    """

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": CleanBuildPy})
