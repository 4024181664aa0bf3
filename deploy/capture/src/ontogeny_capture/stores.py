"""Folders on a disk or in an object store, through one small interface.

A file appears whole or not at all: on a disk it is written under a hidden name, forced to the disk and renamed; an object store shows
an object when its upload is closed.
"""

import contextlib
import fcntl
import json
import os
import posixpath
import urllib.parse
import urllib.request

import pyarrow as pa
import pyarrow.fs as fs

from .failures import ResourceFailure, SettingsFailure, UsageFailure, one_line


def open_store(location):
    """The store of a path or a URI such as s3://bucket/folder; s3a:// is taken as s3://."""
    scheme = urllib.parse.urlsplit(location).scheme if "://" in location else ""
    if scheme in ("", "file"):
        path = urllib.request.url2pathname(urllib.parse.urlsplit(location).path) if scheme else location
        return LocalStore(os.path.abspath(os.path.expanduser(path)))
    system, path = filesystem(location)
    return ObjectStore(location, system, path.rstrip("/"))


def filesystem(location):
    """Arrow's file system of a URI, and the path in it."""
    if location.startswith("s3a://"):
        location = "s3" + location[3:]
    # Arrow reads credentials and region from the environment, but older ones not the address of a server.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if location.startswith("s3://") and endpoint and "endpoint_override" not in location:
        address = urllib.parse.urlsplit(endpoint)
        location += f"{'&' if '?' in location else '?'}endpoint_override={address.netloc}&scheme={address.scheme}"
    try:
        return fs.FileSystem.from_uri(location)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SettingsFailure(f"{location} cannot be opened: {one_line(error)}; it must be a path, s3://… or gs://…") from None
    except OSError as error:
        raise ResourceFailure(f"{location} cannot be reached: {one_line(error)}") from None


class LocalStore:
    """A folder on a disk."""

    local = True

    def __init__(self, root):
        self.root = root

    def __str__(self):
        return self.root

    def path(self, name):
        return os.path.join(self.root, *name.split("/")) if name else self.root

    def listing(self, folder=""):
        """{name: bytes} of the files directly in a folder, {name/: 0} of the folders; empty if there is no such folder."""
        try:
            with os.scandir(self.path(folder)) as entries:
                return {e.name + "/" if e.is_dir() else e.name: 0 if e.is_dir() else e.stat().st_size for e in entries}
        except FileNotFoundError:
            return {}

    def size(self, name):
        """Bytes of a file, None if there is none."""
        try:
            return os.stat(self.path(name)).st_size
        except FileNotFoundError:
            return None

    def open(self, name):
        return open(self.path(name), "rb")

    @contextlib.contextmanager
    def create(self, name):
        """A file to write to, that is there under its name only once the block has ended well."""
        path = self.path(name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise ResourceFailure(f"{self}: the folder cannot be made: {one_line(error)}") from None
        hidden = os.path.join(os.path.dirname(path), f"_{os.path.basename(path)}.writing")
        try:
            with open(hidden, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(hidden, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(hidden)
            raise
        # The new name itself must survive a loss of power.
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def delete(self, name):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path(name))

    def delete_unfinished(self, folder):
        """What a run that was killed has left half written."""
        for name in self.listing(folder):
            if name.startswith("_") and name.endswith(".writing"):
                self.delete(f"{folder}/{name}")

    @contextlib.contextmanager
    def claim(self, folder, what, wait=False):
        """Holds a folder for this run; one that is killed holds nothing. Where another has it, waits or fails."""
        with contextlib.suppress(OSError):
            os.makedirs(self.path(folder), exist_ok=True)
        try:
            held = os.open(self.path(folder), os.O_RDONLY)
        except OSError as error:
            raise ResourceFailure(f"{self}: the folder cannot be made: {one_line(error)}") from None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(held)
            raise UsageFailure(f"another run writes {what} in {self} at this moment") from None
        except OSError:
            # A network's file system may have no locks.
            pass
        try:
            yield
        finally:
            os.close(held)

    def free_bytes(self):
        import shutil

        folder = self.root
        while not os.path.exists(folder):
            folder = os.path.dirname(folder)
        return shutil.disk_usage(folder).free


class ObjectStore:
    """A prefix in an object store."""

    local = False

    def __init__(self, location, system, root):
        self.location = location.split("?")[0]
        self.system = system
        self.root = root

    def __str__(self):
        return self.location

    def path(self, name):
        return posixpath.join(self.root, name) if name else self.root

    def listing(self, folder=""):
        selector = fs.FileSelector(self.path(folder), allow_not_found=True)
        with told(self):
            infos = self.system.get_file_info(selector)
        directory = fs.FileType.Directory
        return {i.base_name + ("/" if i.type == directory else ""): i.size or 0 for i in infos}

    def size(self, name):
        with told(self):
            info = self.system.get_file_info(self.path(name))
        return info.size if info.type == fs.FileType.File else None

    def open(self, name):
        with told(self):
            return self.system.open_input_file(self.path(name))

    @contextlib.contextmanager
    def create(self, name):
        with told(self):
            stream = self.system.open_output_stream(self.path(name))
            try:
                yield stream
            except BaseException:
                # Closing is what completes an upload, and even forgetting the stream closes it: so it is closed and taken away.
                with contextlib.suppress(Exception):
                    stream.close()
                with contextlib.suppress(Exception):
                    self.delete(name)
                raise
            stream.close()

    def delete(self, name):
        with contextlib.suppress(FileNotFoundError):
            self.system.delete_file(self.path(name))

    def delete_unfinished(self, folder):
        """An upload that was not closed is not there."""

    @contextlib.contextmanager
    def claim(self, folder, what, wait=False):
        """Object stores have no locks. They need none: uploads do not mix, and two runs of the same settings write the same bytes."""
        yield

    def free_bytes(self):
        return None


@contextlib.contextmanager
def told(store):
    """Failures of a store say which store."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ResourceFailure(f"{store} cannot be read or written: {one_line(error)}") from error


def read_json(store, name):
    """A JSON file of a store, None if there is none."""
    try:
        with store.open(name) as file:
            return json.loads(file.read())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SettingsFailure(f"{store}/{name} is not JSON ({one_line(error)}): it was not written by this command") from None


def write_json(store, name, value):
    with store.create(name) as file:
        file.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def abandon(writer):
    """Lets go of a writer whose file will be taken away; else it would try to end the file when it is forgotten."""
    with contextlib.suppress(Exception):
        writer.close()
    writer.is_open = False
