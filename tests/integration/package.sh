# SPDX-License-Identifier: Apache-2.0
# The packages: built twice with the same result, then installed, upgraded, removed and purged in a fresh Debian, where
# the demo runs the installed programs as their own users.
. "$(dirname "$0")/lib.sh"

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo -n)
export SOURCE_DATE_EPOCH=1700000000
mkdir "$WORK/packages"

# The archive that this machine installs from.
. /etc/os-release
mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
	awk -v codename="$VERSION_CODENAME" '$1 == "Debian" && $2 == codename && $3 == "main" { print $4; exit }')
[ -n "$mirror" ] || fail "apt knows no archive of Debian $VERSION_CODENAME, correct /etc/apt/sources.list"

# With its own mounts and processes: none of them outlives it, whatever ends it.
"${root[@]}" unshare --mount --propagation private --pid --fork --kill-child \
	bash "$IOTHSM_SOURCE/tests/integration/package_chroot.sh" "$VERSION_CODENAME" "$mirror" "$WORK/packages" \
	>"$WORK/chroot.log" 2>&1 &
chroot_pid=$!
PIDS+=("$chroot_pid")

say "two builds at different places give the same packages"
for n in 1 2; do
	"$IOTHSM_SOURCE/tools/package" --build "$WORK/build-$n" --output "$WORK/packages/$n" --version 1.0 \
		>"$WORK/sums-$n" 2>"$WORK/package.log" || fail "tools/package: $(tail -n 20 "$WORK/package.log")"
done
expect_equal "$(wc -l <"$WORK/sums-1")" 4 "packages"
diff "$WORK/sums-1" "$WORK/sums-2" >&2 || fail "the packages differ"
"$IOTHSM_SOURCE/tools/package" --build "$WORK/build-1" --output "$WORK/packages/2" --version 1.1 \
	>/dev/null 2>"$WORK/package.log" || fail "tools/package: $(tail -n 20 "$WORK/package.log")"
touch "$WORK/packages/ready"

say "the dependencies are those of the programs"
field() { # PACKAGE FIELD
	dpkg-deb -f "$WORK/packages/1/iothsm-$1_1.0_"*.deb "$2"
}
field module Depends >"$WORK/depends"
expect_text '^libc6 \([^,]*\)$' "$WORK/depends"
field bridge Depends >"$WORK/depends"
expect_text 'libcurl4.*libssl3|libssl3.*libcurl4' "$WORK/depends"
field agent Depends >"$WORK/depends"
expect_text 'libconfuse' "$WORK/depends"
! grep -q libcurl "$WORK/depends" || fail "the agent depends on libcurl"
expect_equal "$(dpkg-deb -I "$WORK"/packages/1/iothsm-agent_1.0_*.deb conffiles)" /etc/iothsm/agent.conf "conffiles"

say "systemd accepts units, users and directories, and finds the services confined"
stage=$WORK/stage
for package in "$WORK"/packages/1/*.deb; do
	dpkg-deb -x "$package" "$stage"
done
mkdir "$WORK/units"
for unit in "$stage"/usr/lib/systemd/system/*; do
	sed "s|=/usr/sbin/|=$stage/usr/sbin/|" "$unit" >"$WORK/units/${unit##*/}"
done
systemd-analyze verify --man=no "$WORK"/units/* >"$WORK/verify" 2>&1 || fail "$(cat "$WORK/verify")"
! grep -F "$WORK/units" "$WORK/verify" || fail "systemd has something to say about the units"
for unit in "$WORK"/units/*.service; do
	systemd-analyze security --offline=true --threshold=20 "$unit" >"$WORK/security" 2>&1 ||
		fail "${unit##*/}: $(tail -n 1 "$WORK/security")"
done
systemd-sysusers --root="$stage" || fail "systemd-sysusers"
for user in iothsm iothsm-bridge; do
	expect_text "^iothsm-clients:.*[:,]$user(,|\$)" "$stage/etc/group"
	expect_text "^$user:x:.*nologin\$" "$stage/etc/passwd"
done
if [ "$(id -u)" -eq 0 ]; then
	systemd-tmpfiles --create --root="$stage" --prefix=/var/lib/iothsm --prefix=/run/iothsm || fail "systemd-tmpfiles"
	expect_equal "$(stat -c %a "$stage/var/lib/iothsm/agent" "$stage/var/lib/iothsm/bridge" "$stage/run/iothsm" | xargs)" \
		"700 700 755" "modes of the directories"
fi

say "installed in a fresh Debian: demo, upgrade, removal, purge"
wait "$chroot_pid" || fail "$(tail -n 60 "$WORK/chroot.log")"
grep -E '^(==|  )' "$WORK/chroot.log" || true
