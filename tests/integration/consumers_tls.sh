# SPDX-License-Identifier: Apache-2.0
# TLS servers and clients whose keys stay on the token: openssl s_server, curl and nginx, all by OpenSSL's engine.
. "$(dirname "$0")/consumers_lib.sh"

token_with_keys tls
engine_conf
engine_certificate ec
engine_certificate rsa

say "openssl x509 -req and cms -sign with engine keys"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/leaf.key" -subj /CN=leaf \
	-out "$WORK/leaf.csr" 2>/dev/null
for key in ec rsa; do
	logged x509.log stock openssl x509 -req -in "$WORK/leaf.csr" -CA "$WORK/$key.pem" -CAkey "$(key_uri $key)" \
		-CAkeyform engine -engine pkcs11 -set_serial 7 -out "$WORK/leaf.pem"
	logged verify.log openssl verify -CAfile "$WORK/$key.pem" "$WORK/leaf.pem"
	echo "a message" >"$WORK/message"
	logged cms.log stock openssl cms -sign -engine pkcs11 -keyform engine -inkey "$(key_uri $key)" \
		-signer "$WORK/$key.pem" -in "$WORK/message" -out "$WORK/message.cms"
	logged cms.log openssl cms -verify -purpose any -CAfile "$WORK/$key.pem" -in "$WORK/message.cms"
done

listens() {
	socat -u OPEN:/dev/null "UNIX-CONNECT:$WORK/tls.sock"
}

handshake() { # CERTIFICATE OPTIONS…: one TLS connection to $WORK/tls.sock, verified
	local certificate=$1
	shift
	openssl s_client -unix "$WORK/tls.sock" -CAfile "$WORK/$certificate.pem" -verify_return_error \
		-servername localhost "$@" </dev/null >"$WORK/s_client.log" 2>&1
}

serve() { # KEY OPTIONS…: s_server on $WORK/tls.sock
	local key=$1
	shift
	rm -f "$WORK/tls.sock"
	stock exec openssl s_server -engine pkcs11 -keyform engine -key "$(key_uri "$key")" -cert "$WORK/$key.pem" \
		-unix "$WORK/tls.sock" -www "$@" >"$WORK/s_server.log" 2>&1 </dev/null &
	SERVER_PID=$!
	PIDS+=("$SERVER_PID")
	wait_for 20 listens || fail "s_server: $(cat "$WORK/s_server.log")"
}

unserve() {
	kill "$SERVER_PID"
	wait "$SERVER_PID" 2>/dev/null || true
}

for key in ec rsa; do
	say "s_server: 100 TLS 1.3 handshakes, $key key"
	serve $key -tls1_3
	for number in $(seq 100); do
		handshake $key -tls1_3 || fail "handshake $number: $(cat "$WORK/s_client.log")"
	done
	expect_text 'TLSv1\.3' "$WORK/s_client.log"
	[ $key = ec ] || expect_text 'Peer signature type: RSA-PSS' "$WORK/s_client.log"
	unserve
done

fetch() { # KEY OPTIONS…
	local key=$1
	shift
	curl --silent --show-error --max-time 20 --unix-socket "$WORK/tls.sock" --cacert "$WORK/$key.pem" "$@" \
		https://localhost/ >"$WORK/fetch" 2>"$WORK/curl.log"
}

# curl hangs in its own setlocale() when a sanitizer's runtime stands in front of it; consumers_servers has it there, too.
if [ -z "$SANITIZER_PRELOAD" ]; then
	say "curl with key and certificate on the token"
	openssl x509 -in "$WORK/rsa.pem" -outform der -out "$WORK/rsa.der"
	logged write.log p11 --login --pin "$PIN" --write-object "$WORK/rsa.der" --type cert --id 02 --label rsa
	serve ec -Verify 1 -verify_return_error -CAfile "$WORK/rsa.pem"
	if fetch ec; then
		fail "a client without a certificate was let in"
	fi
	fetch ec --engine pkcs11 --key-type ENG --key "$(key_uri rsa)" --cert-type ENG \
		--cert "pkcs11:token=$TOKEN;object=rsa;type=cert" || fail "curl: $(cat "$WORK/curl.log")"
	expect_text 'CN *= *rsa' "$WORK/fetch"
	unserve
fi

say "nginx: workers sign with the key that the master loaded before it forked"
cat >"$WORK/nginx.conf" <<CONF
daemon off;
pid $WORK/nginx.pid;
error_log stderr notice;
user $(id -un) $(id -gn);
worker_processes 2;
ssl_engine pkcs11;
env OPENSSL_CONF;
env IOTHSM_AGENT_SOCKET;
env SOFTHSM2_CONF;
events { }
http {
	access_log off;
	client_body_temp_path $WORK/nginx;
	proxy_temp_path $WORK/nginx;
	fastcgi_temp_path $WORK/nginx;
	uwsgi_temp_path $WORK/nginx;
	scgi_temp_path $WORK/nginx;
	server {
		listen unix:$WORK/tls.sock ssl;
		ssl_protocols TLSv1.3;
		ssl_certificate $WORK/rsa.pem;
		ssl_certificate_key "engine:pkcs11:$(key_uri rsa)";
		return 200 served;
	}
}
CONF
rm -f "$WORK/tls.sock"
stock exec /usr/sbin/nginx -e stderr -p "$WORK" -c "$WORK/nginx.conf" >"$WORK/nginx.log" 2>&1 </dev/null &
SERVER_PID=$!
PIDS+=("$SERVER_PID")
wait_for 20 listens || fail "nginx: $(cat "$WORK/nginx.log")"
for number in $(seq 10); do
	fetch rsa ||
		fail "nginx, request $number: $(cat "$WORK/curl.log" "$WORK/nginx.log")"
	expect_equal "$(cat "$WORK/fetch")" served "answer of nginx"
done
unserve
