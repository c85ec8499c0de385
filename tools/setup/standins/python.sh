#!/bin/sh
# Arrange Debian's Python as in the official python image.
set -eu
root=$1

# Use the pip wheel of the venv module: Debian's python3-pip depends on a build toolchain.
packages=$(chroot "$root" python3 -c 'import sysconfig; print(sysconfig.get_path("purelib", "posix_local"))')
mkdir -p "$root$packages"
chroot "$root" sh -c "python3 -m zipfile -e /usr/share/python-wheels/pip-*.whl $packages"
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED

ln -s /usr/bin/python3 "$root/usr/local/bin/python3"
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
cat > "$root/usr/local/bin/pip" <<'PIP'
#!/usr/local/bin/python3
from pip._internal.cli.main import main

raise SystemExit(main())
PIP
chmod 755 "$root/usr/local/bin/pip"
ln -s pip "$root/usr/local/bin/pip3"
