"""Takes the jar along that `mvn package` has built, where it has; without one it is found by `spark.jars`."""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

BUILT = pathlib.Path(__file__).resolve().parents[2] / "jobs" / "target"


class WithJar(build_py):
    def run(self):
        super().run()
        for jar in BUILT.glob("ontogeny-jobs-*-spark.jar"):
            folder = pathlib.Path(self.build_lib) / "ontogeny" / "jars"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(jar, folder)


setup(cmdclass={"build_py": WithJar})
