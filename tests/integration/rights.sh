# SPDX-License-Identifier: Apache-2.0
# Six users with six sections of rights on two tokens: what each may do works, and all else is refused and logged.
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" -ne 0 ]; then
	# To be other users one has to be root.
	exec sudo -n --preserve-env=IOTHSM_BUILD,IOTHSM_SOURCE,IOTHSM_SANITIZE bash "$0"
fi

softhsm_new
softhsm_token alpha
softhsm_token beta
alpha=$(token_serial alpha)
beta=$(token_serial beta)

# Nobody else may be able to read the build tree.
cp "$MODULE" "$WORK/module.so"
cp "$BIN/iothsm" "$WORK/iothsm"
chmod 755 "$WORK" "$WORK/module.so" "$WORK/iothsm"

agent_conf "
		rights \"root\" { users = {root} allow = {use, generate, destroy, so, admin} }
		rights \"user\" { users = {daemon} tokens = {\"pkcs11:token=alpha\"} allow = {use} }
		rights \"maker\" { users = {games} tokens = {\"$alpha\"} allow = {use, generate} }
		rights \"so\" { users = {mail} tokens = {\"pkcs11:serial=$alpha;token=alpha\"} allow = {use, so} }
		rights \"group\" { groups = {4711} tokens = {\"$beta\"} allow = {sign} }
		rights \"ecdsa\" { users = {news} allow = {use} mechanisms = {CKM_ECDSA, \"0x1044\"} }
		rights \"others\" { tokens = {\"*\"} allow = {} }"
agent_start
chmod 666 "$WORK/agent.sock"

p11 --login --pin "$PIN" --token-label alpha --keypairgen --key-type EC:prime256v1 --id 01 --label ec >/dev/null
p11 --login --pin "$PIN" --token-label beta --keypairgen --key-type EC:prime256v1 --id 01 --label ec >/dev/null
p11 --login --pin "$PIN" --token-label alpha --keypairgen --key-type rsa:2048 --id 02 --label rsa \
	--usage-sign --usage-decrypt >/dev/null
p11 --login --pin "$PIN" --token-label beta --keypairgen --key-type rsa:2048 --id 02 --label rsa \
	--usage-sign --usage-decrypt >/dev/null
head -c 16 /dev/zero >"$WORK/data"
head -c 32 /dev/zero >"$WORK/digest"
p11 --login --pin "$PIN" --token-label beta --read-object --type pubkey --id 02 -o "$WORK/rsa.der" >/dev/null
openssl pkeyutl -encrypt -pubin -keyform DER -inkey "$WORK/rsa.der" -in "$WORK/data" -out "$WORK/secret"
chmod 644 "$WORK/data" "$WORK/digest" "$WORK/secret"

# as USER GROUPS ARGUMENT…: pkcs11-tool as that user. Asked for output goes to a file that the user may write.
as() {
	local user=$1 groups=$2
	shift 2
	stock setpriv --reuid "$user" --regid "$(id -g "$user")" "$groups" --inh-caps=-all \
		pkcs11-tool --module "$WORK/module.so" "$@"
}

on() { # LABEL USER GROUPS ARGUMENT…: logged in on that token
	local label=$1 user=$2 groups=$3
	shift 3
	as "$user" "$groups" --token-label "$label" --login --pin "$PIN" "$@"
}

tokens_of() { # USER GROUPS: the labels that it sees
	as "$@" -L 2>/dev/null | awk '/token label/ { print $NF }' | sort | paste -sd ' '
}

works() {
	"$@" >"$WORK/out" 2>&1 || fail "refused but should not: $*: $(cat "$WORK/out")"
}

# logged PART…: one line of the log has all of them.
logged() {
	local part lines
	lines=$(grep 'rights: refused' "$WORK/agent.log") || fail "no refusal was logged"
	for part; do
		lines=$(grep -F -- "$part" <<<"$lines") || fail "no refusal was logged with: $*"
	done
}

ecdsa=(--sign --id 01 -m ECDSA -i "$WORK/digest" -o /dev/null)
rsa=(--sign --id 02 -m RSA-PKCS -i "$WORK/digest" -o /dev/null)
decrypt=(--decrypt --id 02 -m RSA-PKCS -i "$WORK/secret" -o /dev/null)
generate=(--keypairgen --key-type EC:prime256v1 --label made --id 0a)

say "each sees its tokens and no other"
expect_equal "$(tokens_of daemon --clear-groups)" "alpha" "tokens of the one who may use alpha"
expect_equal "$(tokens_of games --clear-groups)" "alpha" "tokens of the one who may generate on alpha"
expect_equal "$(tokens_of proxy --clear-groups)" "" "tokens of the one who may nothing"
expect_equal "$(tokens_of proxy --groups=4711)" "beta" "tokens of the one with a supplementary group"
expect_equal "$(tokens_of news --clear-groups)" "alpha beta" "tokens of the one who may ECDSA"

say "one may use: sign and decrypt, but neither generate nor destroy nor be the SO"
works on alpha daemon --clear-groups "${ecdsa[@]}"
works on alpha daemon --clear-groups "${rsa[@]}"
expect_failure 0xc94f0007 on alpha daemon --clear-groups "${generate[@]}"
logged "uid=$(id -u daemon) " "gid=$(id -g daemon) " "serial=$alpha" function=C_GenerateKeyPair \
	mechanism=CKM_EC_KEY_PAIR_GEN "'generate' in 'allow'"
expect_failure 0xc94f0007 on alpha daemon --clear-groups --delete-object --type privkey --id 01
logged "uid=$(id -u daemon) " function=C_DestroyObject "'destroy' in 'allow'"
expect_failure 0xc94f0007 as daemon --clear-groups --token-label alpha --login --login-type so --so-pin "$SO_PIN" \
	--init-pin --new-pin "$PIN"
logged "uid=$(id -u daemon) " function=C_Login "'so' in 'allow'"

say "one may generate, but not destroy what it made"
works on alpha games --clear-groups "${generate[@]}"
expect_failure 0xc94f0007 on alpha games --clear-groups --delete-object --type privkey --id 0a
logged "uid=$(id -u games) " function=C_DestroyObject "'destroy' in 'allow'"

say "one may be the SO"
works as mail --clear-groups --token-label alpha --login --login-type so --so-pin "$SO_PIN" --init-pin --new-pin "$PIN"
expect_failure 0xc94f0007 on alpha mail --clear-groups "${generate[@]}"

say "one may sign by its group alone, and not decrypt"
works on beta proxy --groups=4711 "${rsa[@]}"
expect_failure 0xc94f0007 on beta proxy --groups=4711 "${decrypt[@]}"
logged "uid=$(id -u proxy) " "serial=$beta" "function=C_Decrypt" mechanism=CKM_RSA_PKCS "'decrypt' in 'allow'"
works on beta root --clear-groups "${decrypt[@]}"

say "one may ECDSA, and the token has no other mechanism for it"
works on alpha news --clear-groups "${ecdsa[@]}"
works on beta news --clear-groups --sign --id 01 -m ECDSA-SHA256 -i "$WORK/data" -o /dev/null
expect_failure CKR_MECHANISM_INVALID on alpha news --clear-groups "${rsa[@]}"
logged "uid=$(id -u news) " "function=C_Sign" mechanism=CKM_RSA_PKCS "'CKM_RSA_PKCS' in 'mechanisms'"
expect_failure CKR_MECHANISM_INVALID on alpha news --clear-groups "${decrypt[@]}"
expect_failure "not supported" on alpha news --clear-groups "${generate[@]}"
expect_failure CKR_MECHANISM_INVALID on alpha news --clear-groups --hash -m SHA256 -i "$WORK/data" -o /dev/null
expect_equal "$(as news --clear-groups --token-label alpha -M 2>/dev/null | grep -cE '^  [A-Z0-9]')" 2 \
	"mechanisms that it sees"

say "administration is for those who have the right"
expect_failure CKR_FUNCTION_REJECTED setpriv --reuid daemon --regid daemon --clear-groups --inh-caps=-all \
	"$WORK/iothsm" --module "$WORK/module.so" status
