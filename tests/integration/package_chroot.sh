# SPDX-License-Identifier: Apache-2.0
# package_chroot.sh CODENAME MIRROR PACKAGES: a fresh minimal Debian in memory, and package_inside.sh in it once the file
# PACKAGES/ready says that the packages are complete. Runs as root with mounts and processes of its own.
set -euo pipefail
codename=$1 mirror=$2 packages=$3
source=$(cd "$(dirname "$0")/../.." && pwd)
root=/mnt

mount -t tmpfs -o mode=755,size=2g iothsm "$root"
mount -t proc proc /proc
# Its package lists stay, so that the packages' dependencies can be installed without another download of them.
mmdebstrap --quiet --mode=root --variant=minbase --skip=cleanup/apt --include=opensc,softhsm2,openssl \
	"$codename" "$root" "$mirror"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"

exec {never}<> <(:)
deadline=$((SECONDS + 3000))
until [ -e "$packages/ready" ]; do
	[ "$SECONDS" -lt "$deadline" ] || { echo "the packages do not come"; exit 1; }
	read -r -t 0.2 <&"$never" || true
done
mkdir -p "$root/packages/tools"
cp "$packages"/1/*_1.0_*.deb "$packages"/2/*_1.1_*.deb "$source/tests/integration/package_inside.sh" "$root/packages"
cp "$source/tools/demo" "$root/packages/tools"
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	bash /packages/package_inside.sh
