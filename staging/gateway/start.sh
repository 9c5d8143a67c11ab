#!/bin/sh
# Starts nginx. Each start makes a new TLS key and certificate, so none is kept anywhere; an image without openssl goes
# on without TLS.
tls=/tmp/tls

make_certificate() (
    umask 077
    rm -rf "$tls"
    mkdir "$tls" &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost,DNS:gateway,IP:127.0.0.1 \
            -keyout "$tls/key.pem" -out "$tls/certificate.pem"
)

if said=$(make_certificate 2>&1); then
    echo "listen 8443 ssl; ssl_certificate $tls/certificate.pem; ssl_certificate_key $tls/key.pem;" >"$tls/listen.conf"
else
    echo "gateway: no TLS on port 8443, as no certificate can be made: $(echo "$said" | tail -n 1)" >&2
fi
exec nginx -c /etc/drill/nginx.conf
