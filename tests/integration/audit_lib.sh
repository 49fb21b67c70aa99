# SPDX-License-Identifier: Apache-2.0
# Keys, signatures and damaged records for audit.sh. Sourced after lib.sh.

# Mounts are the test's own, and go with it.
if [ "$(id -u)" -eq 0 ] && [ -z "${AUDIT_INSIDE:-}" ] && unshare --mount true 2>/dev/null; then
	rm -rf "$WORK"
	AUDIT_INSIDE=1 exec unshare --mount --propagation private bash "$0"
fi

disk_of_own() {
	[ -n "${AUDIT_INSIDE:-}" ]
}

agent_stop() {
	kill "$AGENT_PID"
	wait "$AGENT_PID" 2>/dev/null || true
}

# key_write TOKEN ID LABEL [certificate]: a P-256 key, perhaps with a certificate that makes it a CA's.
key_write() {
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/$3.key"
	openssl pkey -in "$WORK/$3.key" -outform der -out "$WORK/$3.key.der"
	openssl pkey -in "$WORK/$3.key" -pubout -outform der -out "$WORK/$3.pub.der"
	openssl req -new -x509 -key "$WORK/$3.key" -subj "/CN=$3" -days 30 -outform der -out "$WORK/$3.der"
	local part
	for part in privkey:key.der pubkey:pub.der ${4:+cert:der}; do
		direct --token-label "$1" --login --pin "$PIN" --write-object "$WORK/$3.${part#*:}" --type "${part%%:*}" \
			--id "$2" --label "$3" --usage-sign >/dev/null 2>&1 || fail "cannot write ${part%%:*} of $3"
	done
}

# sign_with TOKEN ID LABEL NAME: signs the name; true when the signature is right.
sign_with() {
	printf '%s' "message $4" >"$WORK/$4.input"
	p11 --token-label "$1" --login --pin "$PIN" --sign -m ECDSA-SHA256 --id "$2" --signature-format openssl \
		-i "$WORK/$4.input" -o "$WORK/$4.sig" >"$WORK/sign.log" 2>&1 || return 1
	openssl dgst -sha256 -verify "$WORK/$3.pub.der" -keyform der -signature "$WORK/$4.sig" "$WORK/$4.input" >/dev/null
}

# provision_root TOKEN ID: a key prepared and self-signed by the vendor mechanisms.
provision_root() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/unrelated.key" -subj /CN=Root -days 3650 \
		-addext keyUsage=critical,keyCertSign,cRLSign -out "$WORK/template.pem" 2>/dev/null
	local login=(--token-label "$1" --login --pin "$PIN" --id "$2")
	p11 "${login[@]}" --keypairgen -m 0xC94F0000 --key-type EC:prime256v1 --label root >"$WORK/log" 2>&1 ||
		fail "prepare: $(cat "$WORK/log")"
	p11 "${login[@]}" --session-rw --sign -m 0xC94F0001 -i "$WORK/template.pem" -o "$WORK/root.der" >"$WORK/log" 2>&1 ||
		fail "self-sign: $(cat "$WORK/log")"
}

# record_fields DIRECTORY FIELD…: of every record, a line each.
record_fields() {
	local directory=$1
	shift
	jq -r "[$(printf '.%s,' "$@" | sed 's/,$//')] | map(tostring) | join(\" \")" "$directory"/*.jsonl
}

verify() {
	"$BIN/iothsm" audit verify "$1" >"$WORK/verify.log" 2>&1
}

# broken WHAT COMMAND TEXT: a copy of the record on which the command was run.
broken() {
	rm -rf "$WORK/copy"
	cp -r "$record" "$WORK/copy"
	eval "$2 $WORK/copy/000000000001.jsonl"
	expect_failure "$3" "$BIN/iothsm" audit verify "$WORK/copy"
	expect_failure "$3" "$BIN/iothsm" audit verify "$WORK/copy/000000000001.jsonl"
	"$BIN/iothsm" audit verify "$WORK/copy" >/dev/null 2>&1 || expect_equal "$?" 1 "the exit status of $1"
}

# split_record FROM TO LINES: the same chain in two files.
split_record() {
	mkdir "$2"
	head -n "$3" "$1/000000000001.jsonl" >"$2/000000000001.jsonl"
	tail -n "+$(($3 + 1))" "$1/000000000001.jsonl" >"$2/$(printf '%012d' $(($3 + 1))).jsonl"
}

# sign_many WORKER: while the host is killed, so some of them fail.
sign_many() {
	local i
	for i in 1 2 3 4 5 6 7 8 9; do
		printf '%s' "worker $1 message $i" >"$WORK/many.$1.$i.input"
		p11 --token-label alpha --login --pin "$PIN" --sign -m ECDSA-SHA256 --id 02 -i "$WORK/many.$1.$i.input" \
			-o "$WORK/many.$1.$i.sig" >/dev/null 2>&1 || true
	done
}

signed_more_than() {
	[ "$(find "$WORK" -maxdepth 1 -name 'many.*.sig' -size +0 | wc -l)" -gt "$1" ]
}

every_signature_is_recorded() {
	local signature count=0
	record_fields "$record" input | sort >"$WORK/recorded"
	for signature in "$WORK"/many.*.sig; do
		[ -s "$signature" ] || continue
		count=$((count + 1))
		grep -q "$(sha256sum <"${signature%.sig}.input" | cut -d ' ' -f 1)" "$WORK/recorded" ||
			fail "$signature came out and is not in the record"
	done
	[ "$count" -gt 0 ] || fail "no signature at all"
}

# What the agent says of the records of its backend.
record_state() {
	"$BIN/iothsm" --json status 2>/dev/null | jq -r '.. | .backends? // empty | .[0].record'
}
