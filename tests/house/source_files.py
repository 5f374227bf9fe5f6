"""The files of the checkout that are ours: tracked ones and new ones that git does not ignore."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOT_OURS = {"build", "node_modules", "souk-data", "dist", ".git", ".cache"}


def source_files(*suffixes):
    """Paths relative to the root, sorted."""
    git = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if git.returncode == 0:
        names = [pathlib.Path(line) for line in git.stdout.splitlines()]
    else:  # an unpacked archive
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    return sorted(
        name for name in set(names)
        if name.suffix in suffixes and not NOT_OURS & set(name.parts) and (ROOT / name).is_file())
