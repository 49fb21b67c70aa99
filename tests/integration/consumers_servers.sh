# SPDX-License-Identifier: Apache-2.0
# iothsm-pkcs11(7), PROGRAMS: the lines as they stand there, with a PIN that the agent keeps. Servers and their clients.
. "$(dirname "$0")/consumers_lib.sh"

plain_module
token_of_manual
as_written pkcs11-tool
as_written OpenSSL

accepts() {
	socat -u OPEN:/dev/null "TCP:127.0.0.1:$PORT"
}

# serve FILE COMMAND…: in the background on a port that was free a moment ago.
serve() {
	local file=$WORK/$1
	shift
	"$@" >"$file" 2>&1 </dev/null &
	SERVER_PID=$!
	PIDS+=("$SERVER_PID")
	wait_for 20 accepts || fail "$*: $(tail -c 3000 "$file")"
}

new_port() {
	PORT=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	export PORT
}

unserve() {
	kill "$SERVER_PID"
	wait "$SERVER_PID" 2>/dev/null || true
}

# TLS 1.3 with whoever serves the port by the key of the token.
handshakes() {
	local number
	for number in $(seq 5); do
		logged client.log openssl s_client -connect "127.0.0.1:$PORT" -tls1_3 -CAfile demo.pem -verify_return_error
		expect_text 'Verification: OK' "$WORK/client.log"
		expect_text 'CN *= *localhost' "$WORK/client.log"
	done
}

say "openssl s_server"
new_port
# With -c bash becomes its last command, which then can be ended.
serve server.log bash -euc "$(manual 'openssl s_server')"
handshakes
unserve

say "clients that show the certificate of the token"
openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -subj /CN=server -addext subjectAltName=DNS:localhost \
	-out server.pem 2>/dev/null
new_port
serve server.log openssl s_server -key server.key -cert server.pem -accept "$PORT" -www -Verify 1 -verify_return_error \
	-CAfile demo.pem
as_written curl
expect_text 'CN *= *localhost' "$WORK/manual.log"
as_written gnutls-cli
expect_text 'Handshake was completed' "$WORK/manual.log"
unserve

say "nginx"
new_port
cat >nginx.conf <<CONF
daemon off;
pid $WORK/nginx.pid;
error_log stderr notice;
user $WORKER $(id -gn "$WORKER");
env IOTHSM_AGENT_SOCKET;
$(manual nginx)
events { }
http {
	access_log off;
	client_body_temp_path $WORK/nginx;
	proxy_temp_path $WORK/nginx;
	fastcgi_temp_path $WORK/nginx;
	uwsgi_temp_path $WORK/nginx;
	scgi_temp_path $WORK/nginx;
	server {
		listen 127.0.0.1:$PORT ssl;
		ssl_protocols TLSv1.3;
		$(manual nginx 2)
		return 200 served;
	}
}
CONF
serve nginx.log /usr/sbin/nginx -e stderr -p "$WORK" -c "$WORK/nginx.conf"
handshakes
unserve

say "Apache"
new_port
modules=/usr/lib/apache2/modules
cat >apache.conf <<CONF
ServerRoot $WORK
ServerName localhost
Listen 127.0.0.1:$PORT
PidFile $WORK/apache.pid
ErrorLog $WORK/apache.log
DocumentRoot $WORK
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule ssl_module $modules/mod_ssl.so
$([ "$(id -u)" -ne 0 ] || printf 'User %s\nGroup %s\n' "$WORKER" "$(id -gn "$WORKER")")
$(manual Apache)
CONF
serve apache.out /usr/sbin/apache2 -f "$WORK/apache.conf" -D FOREGROUND
handshakes
unserve

say "stunnel"
new_port
cat >stunnel.conf <<CONF
foreground = yes
pid =
$(manual stunnel)
accept = 127.0.0.1:$PORT
exec = /bin/cat
CONF
serve stunnel.log stunnel4 stunnel.conf
handshakes
unserve

say "OpenSSH"
ssh-keygen -q -t ed25519 -N '' -f hostkey
cat >sshd_config <<CONF
HostKey $WORK/hostkey
AuthorizedKeysFile $WORK/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
LogLevel VERBOSE
CONF
cat >ssh_config <<CONF
ProxyCommand /usr/sbin/sshd -i -f $WORK/sshd_config -E $WORK/sshd.log
UserKnownHostsFile $WORK/known_hosts
StrictHostKeyChecking accept-new
IdentityAgent none
IdentityFile none
CONF
[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
# The command of the page, at a configuration of this test's own.
ssh() {
	command ssh -F "$WORK/ssh_config" "$@"
}
export -f ssh
as_written OpenSSH
expect_text 'Accepted publickey for .* ECDSA' "$WORK/sshd.log"

say "OpenVPN"
new_port
cat >server.ovpn <<CONF
dev null
proto tcp-server
local 127.0.0.1
lport $PORT
tls-server
dh none
ca demo.pem
cert server.pem
key server.key
verify-client-cert require
CONF
cat >client.ovpn <<CONF
dev null
proto tcp-client
remote 127.0.0.1 $PORT
nobind
tls-client
ca server.pem
CONF
connected() {
	grep -q 'Initialization Sequence Completed' "$WORK/openvpn.log"
}
openvpn --config server.ovpn >"$WORK/openvpn_server.log" 2>&1 </dev/null &
PIDS+=("$!")
bash -euc "$(manual OpenVPN)" >"$WORK/openvpn.log" 2>&1 </dev/null &
PIDS+=("$!")
wait_for 60 connected || fail "openvpn: $(cat "$WORK/openvpn.log" "$WORK/openvpn_server.log")"
expect_text '\[localhost\] Peer Connection Initiated' "$WORK/openvpn_server.log"
