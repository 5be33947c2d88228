"""A disk that forgets: what Tests/Faults/disk.c has noted, and the files that a power cut leaves of it."""

import os
import struct
from pathlib import Path

RECORD = struct.Struct("<5Q")
OPEN, WRITE, TRUNCATE, SYNC, UNLINK = range(1, 6)
SECTOR = 512


class Disk:
    """The files below a folder; processes that use it are started with `variables`."""

    def __init__(self, binary: str, folder: Path):
        library = Path(binary).resolve().parent / "libFaults.so"
        if not library.exists():
            raise SystemExit(f"{library} is missing: swift build --product Faults makes it")
        self.journal = folder / "disk-journal"
        self.variables = {"LD_PRELOAD": str(library), "FAULT_DISK_FOLDER": str(folder),
                          "FAULT_DISK_JOURNAL": str(self.journal)}
        self.synced: dict[str, bytearray] = {}

    def cut_power(self, rng) -> None:
        """Puts the files back to what was synced, and of the rest what chance leaves."""
        pending = self.replay()
        for path, changes in pending.items():
            for change in changes:
                self.survive(path, change, rng)
        for path, content in list(self.synced.items()):
            # SQLite makes the index of its log anew.
            if path.endswith("-shm"):
                Path(path).unlink(missing_ok=True)
                del self.synced[path]
            else:
                Path(path).write_bytes(content)
        self.journal.unlink(missing_ok=True)

    def replay(self) -> dict[str, list[tuple[int, int, bytes]]]:
        """Brings `synced` up to date; gives what was written to each file since its last sync."""
        data = self.journal.read_bytes() if self.journal.exists() else b""
        names: dict[int, str] = {}
        pending: dict[str, list[tuple[int, int, bytes]]] = {}
        place = 0
        while place + RECORD.size <= len(data):
            operation, file, offset, count, _ = RECORD.unpack_from(data, place)
            place += RECORD.size
            content = data[place:place + count]
            if len(content) < count:
                break  # nobody went on behind it
            place += count
            if operation == OPEN:
                names[file] = os.fsdecode(content)
                if names[file] not in self.synced:
                    self.synced[names[file]] = bytearray()
                continue
            path = names[file]
            if operation == SYNC:
                for change in pending.pop(path, []):
                    self.apply(path, change)
            elif operation == UNLINK:
                pending.pop(path, None)
                self.synced.pop(path, None)
            else:
                self.synced.setdefault(path, bytearray())
                pending.setdefault(path, []).append((operation, offset, content))
        return pending

    def apply(self, path: str, change: tuple[int, int, bytes]) -> None:
        operation, offset, content = change
        file = self.synced[path]
        if operation == TRUNCATE:
            del file[offset:]
            file.extend(bytes(offset - len(file)))
        else:
            file.extend(bytes(max(0, offset + len(content) - len(file))))
            file[offset:offset + len(content)] = content

    def survive(self, path: str, change: tuple[int, int, bytes], rng) -> None:
        """All of a change, nothing, or some of its sectors."""
        fate = rng.randrange(3)
        operation, offset, content = change
        if fate == 1 and operation == WRITE:
            for start in range(0, len(content), SECTOR):
                if rng.random() < 0.5:
                    self.apply(path, (WRITE, offset + start, content[start:start + SECTOR]))
        elif fate == 2:
            self.apply(path, change)
