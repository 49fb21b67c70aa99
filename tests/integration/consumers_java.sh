# SPDX-License-Identifier: Apache-2.0
# Java's SunPKCS11 provider through keytool: makes, lists and uses keys on the token.
. "$(dirname "$0")/consumers_lib.sh"

plain_module
softhsm_new
softhsm_token java
agent_start
cat >"$WORK/java.cfg" <<CONF
name = iothsm
library = $MODULE
slotListIndex = 0
CONF
printf '%s\n' "$PIN" >"$WORK/pin"

java_keytool() {
	logged keytool.log keytool -J-Xshare:auto -J-XX:TieredStopAtLevel=1 "$@" -keystore NONE -storetype PKCS11 \
		-providerClass sun.security.pkcs11.SunPKCS11 -providerArg "$WORK/java.cfg" -storepass:file "$WORK/pin"
}

for kind in 'EC -groupname secp256r1' 'RSA -keysize 2048'; do
	say "keytool -genkeypair -keyalg $kind"
	alias=java-${kind%% *}
	java_keytool -genkeypair -alias "$alias" -keyalg $kind -dname CN=java -validity 30
	java_keytool -certreq -alias "$alias" -file "$WORK/java.csr"
	logged req.log openssl req -in "$WORK/java.csr" -verify -noout
done
java_keytool -list
for alias in java-EC java-RSA; do
	expect_text "$alias, *PrivateKeyEntry" "$WORK/keytool.log"
done
java_keytool -exportcert -rfc -alias java-EC -file "$WORK/java.pem"
logged verify.log openssl verify -check_ss_sig -CAfile "$WORK/java.pem" "$WORK/java.pem"
