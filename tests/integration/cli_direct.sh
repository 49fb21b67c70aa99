# SPDX-License-Identifier: Apache-2.0
# The command line over a foreign module (SoftHSM2 itself): what is standard works, the rest is refused clearly.
. "$(dirname "$0")/lib.sh"

unset IOTHSM_MODULE
softhsm_new
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # SoftHSM2 has leaks of its own
iothsm() {
	"$BIN/iothsm" --module "$SOFTHSM" "$@"
}
printf '%s\n' "$PIN" >"$WORK/pin"
printf '%s\n' "$SO_PIN" >"$WORK/so-pin"
printf 'wrong-one\n' >"$WORK/wrong"

# expect_status STATUS TEXT COMMAND…
expect_status() {
	local expected=$1 text=$2 status=0 output
	shift 2
	output=$("$@" 2>&1) || status=$?
	expect_equal "$status" "$expected" "status of $*: $output"
	grep -qF -- "$text" <<<"$output" || fail "'$text' is not said by: $*: $output"
}

say "a token is initialised, listed and shown"
iothsm token init --label zeta --so-pin-file "$WORK/so-pin" --new-pin-file "$WORK/pin" >"$WORK/out" 2>&1 ||
	fail "token init: $(cat "$WORK/out")"
serial=$(iothsm token list | awk -F '\t' '$2 == "zeta" { print $1 }')
expect_equal "$serial" "$(token_serial zeta)" "serial"
expect_equal "$(iothsm token list --json | jq -r '.[] | select(.label == "zeta") | .serial')" "$serial" "serial by --json"
expect_equal "$(iothsm token show -t zeta | awk -F '\t' '$1 == "pin" { print $2 }')" ok "state of the PIN"
uri=$(iothsm token show --json | jq -r .uri)
expect_equal "$(iothsm token show --token "$uri" | awk -F '\t' '$1 == "serial" { print $2 }')" "$serial" "token by URI"

say "keys made by others are listed with type, state and URI"
direct --login --pin "$PIN" --keypairgen --key-type EC:secp384r1 --id 03 --label "my key" >/dev/null 2>&1
direct --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 0405 --label r >/dev/null 2>&1
expect_equal "$(iothsm key list --pin-file "$WORK/pin" | sort | cut -f 2-6)" \
	"$(printf '03\tmy key\tEC:secp384r1\tyes\tempty\n0405\tr\trsa:2048\tyes\tempty')" "keys"
expect_equal "$(iothsm key list 2>/dev/null | cut -f 5 | sort -u)" - "private keys without a login"
p11tool --provider "$SOFTHSM" --list-all "$(iothsm key list --json --pin-file "$WORK/pin" |
	jq -r '.[] | select(.id == "03") | .uri' | sed 's/;type=private/;type=public/')" 2>/dev/null | grep -q 'my%20key' ||
	fail "p11tool does not find a key by our URI"

say "a PIN from a descriptor, and at the terminal without echo"
expect_equal "$(iothsm key list --pin-fd 3 3<"$WORK/pin" | wc -l)" 2 "keys with --pin-fd"
coproc TERMINAL { socat - "EXEC:'$BIN/iothsm --module $SOFTHSM key list --login',pty,setsid,ctty"; }
terminal_pid=$TERMINAL_PID
IFS= read -r -t 20 -d : prompt <&"${TERMINAL[0]}" || fail "no prompt at the terminal"
printf '%s\n' "$PIN" >&"${TERMINAL[1]}"
timeout 20 cat <&"${TERMINAL[0]}" >"$WORK/terminal" || fail "the terminal does not end"
wait "$terminal_pid" 2>/dev/null || true
expect_equal "$prompt" "User PIN of token $serial" "prompt"
expect_text 'EC:secp384r1 +yes' "$WORK/terminal"
if grep -q "$PIN" "$WORK/terminal"; then fail "the PIN was echoed"; fi

say "PINs are changed"
printf '%s\n' 13572468 >"$WORK/new"
iothsm pin change --pin-file "$WORK/pin" --new-pin-file "$WORK/new" 2>/dev/null
expect_status 5 CKR_PIN_INCORRECT iothsm key list --pin-file "$WORK/pin"
iothsm pin change --pin-file "$WORK/new" --new-pin-file "$WORK/pin" 2>/dev/null
iothsm pin change --so --so-pin-file "$WORK/so-pin" --new-pin-file "$WORK/new" 2>/dev/null
iothsm pin change --so --so-pin-file "$WORK/new" --new-pin-file "$WORK/so-pin" 2>/dev/null

say "errors have their status, place and hint"
expect_status 5 "token $serial: logging in: CKR_PIN_INCORRECT: the PIN is wrong" iothsm key list --pin-file "$WORK/wrong"
expect_status 4 CKR_TOKEN_NOT_PRESENT iothsm key list --token nowhere
expect_status 6 "no key with id 77" iothsm ca show --id 77
expect_status 2 "no hex" iothsm ca show --id 7
expect_status 2 "--type is missing" iothsm key prepare --id 07 --pin-file "$WORK/pin"
expect_status 2 "is not known" iothsm key prepare --id 07 --type dsa --pin-file "$WORK/pin"
expect_status 2 "no command" iothsm key destroy
expect_status 2 "has no meaning here" iothsm token list --id 07
expect_status 2 "no terminal" setsid -w "$BIN/iothsm" --module "$SOFTHSM" key list --login </dev/null
expect_status 1 "cannot load the module" "$BIN/iothsm" --module "$WORK/none.so" token list
expect_status 7 CKR_MECHANISM_INVALID iothsm key prepare --id 07 --type rsa:2048 --pin-file "$WORK/pin"
expect_status 7 "no administration interface" iothsm status
expect_status 7 "no administration interface" iothsm pin unlock
expect_status 8 "cannot read" iothsm key list --pin-file "$WORK/nothing"

say "an import that cannot be finished leaves nothing behind"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$WORK/key.pem" 2>/dev/null
expect_status 7 "marking the key as prepared" iothsm key import --id 09 --pin-file "$WORK/pin" "$WORK/key.pem"
expect_equal "$(iothsm key list --pin-file "$WORK/pin" | wc -l)" 2 "keys after a failed import"
expect_status 7 CKR_IOTHSM_SLOT_IN_USE iothsm key import --id 03 --pin-file "$WORK/pin" "$WORK/key.pem"
openssl pkcs8 -topk8 -in "$WORK/key.pem" -out "$WORK/encrypted.pem" -passout pass:sesame
expect_status 5 "the password is wrong" iothsm key import --id 09 --pin-file "$WORK/pin" \
	--password-file "$WORK/wrong" "$WORK/encrypted.pem"
expect_status 8 "holds no private key" iothsm key import --id 09 --pin-file "$WORK/pin" "$WORK/pin"

say "re-initialising asks first"
expect_status 2 "no terminal" setsid -w "$BIN/iothsm" --module "$SOFTHSM" token init --token zeta --label zeta \
	--so-pin-file "$WORK/so-pin" --new-pin-file "$WORK/pin" </dev/null
iothsm token init --token zeta --yes --label omega --so-pin-file "$WORK/so-pin" --new-pin-file "$WORK/pin" >/dev/null
expect_equal "$(iothsm key list --pin-file "$WORK/pin" --token omega | wc -l)" 0 "keys of the new token"
