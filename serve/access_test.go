package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTokensAreWanted(t *testing.T) {
	tokens, err := ReadTokens(strings.NewReader("# two tokens\n\n0123456789abcdef\n  fedcba9876543210  \n"))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, Options{Tokens: tokens}, model("m", engineFunc{4, sums}))
	paths := map[string]string{"/v2": "GET", "/v2/models/m": "GET", "/metrics": "GET", "/v2/models/m/infer": "POST", "/predict": "POST", "/v2/repository/index": "POST"}
	for path, method := range paths {
		w := do(s, method, path, "")
		wantError(t, w, http.StatusUnauthorized, "Authorization: Bearer")
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="isrlu"` {
			t.Errorf("WWW-Authenticate is %q", got)
		}
		for _, wrong := range []string{"Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "Bearer", "Basic 0123456789abcdef", "Bearer # two tokens"} {
			w := do(s, method, path, "", "Authorization", wrong)
			wantError(t, w, http.StatusUnauthorized, "none that this server knows")
			if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		}
		for _, right := range []string{"Bearer 0123456789abcdef", "bearer fedcba9876543210"} {
			if w := do(s, method, path, "", "Authorization", right); w.Code == http.StatusUnauthorized {
				t.Errorf("%s with a token: %d", path, w.Code)
			}
		}
	}
	for _, open := range []string{"/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"} {
		if w := do(s, "GET", open, ""); w.Code != http.StatusOK {
			t.Errorf("%s without a token: %d", open, w.Code)
		}
	}
}

func TestWrongTokenFilesAreNamed(t *testing.T) {
	for text, want := range map[string]string{"": "no tokens", "# none": "no tokens", "0123456789abcdef\nshort": "line 2", "0123456789 abcdef": "no spaces"} {
		path := filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTokenFile(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "short") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := ReadTokenFile("nosuch"); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("got %v", err)
	}
}

// certificate writes a certificate for this machine with its key.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, pool
}

func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	config, err := LoadTLS(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, Options{TLS: config}, model("m", engineFunc{4, sums}))
	l, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx := t.Context()
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for name, c := range map[string]struct {
		versions [2]uint16
		http2    bool
		proto    string
	}{
		"1.2": {[2]uint16{tls.VersionTLS12, tls.VersionTLS12}, false, "HTTP/1.1"}, "1.3": {[2]uint16{tls.VersionTLS13, tls.VersionTLS13}, true, "HTTP/2.0"},
		"1.1": {[2]uint16{tls.VersionTLS10, tls.VersionTLS11}, false, ""},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: c.versions[0], MaxVersion: c.versions[1]}, ForceAttemptHTTP2: c.http2}
		r, err := (&http.Client{Transport: transport}).Post("https://"+l.Addr().String()+"/v2/models/m/infer", "", strings.NewReader(twoNumbers))
		if c.proto == "" {
			if err == nil {
				t.Errorf("TLS %s was accepted", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("TLS %s: %v", name, err)
			continue
		}
		r.Body.Close()
		transport.CloseIdleConnections()
		if r.StatusCode != http.StatusOK || r.Proto != c.proto {
			t.Errorf("TLS %s: got %d by %s", name, r.StatusCode, r.Proto)
		}
	}
	if _, err := LoadTLS(key, key); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("got %v", err)
	}
}

func TestRequestsAreNamedInLogsAndAnswers(t *testing.T) {
	var log strings.Builder
	s := newServer(t, Options{Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, model("m", engineFunc{4, sums}))
	w := do(s, "POST", "/v2/models/m/infer", twoNumbers, requestID, "mine-1")
	for _, want := range []string{`"request_id":"mine-1"`, `"status":200`, `"model":"m"`, `"rows":1`, `"level":"DEBUG"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s lacks %s", log.String(), want)
		}
	}
	if got := w.Header().Get(requestID); got != "mine-1" {
		t.Errorf("the answer has the id %q", got)
	}
	for _, bad := range []string{"", "a b", "ü", strings.Repeat("x", 200)} {
		if got := do(s, "GET", "/v2", "", requestID, bad).Header().Get(requestID); got == bad || len(got) < 16 {
			t.Errorf("the id %q became %q", bad, got)
		}
	}
	log.Reset()
	do(s, "GET", "/nosuch", "")
	if !strings.Contains(log.String(), `"level":"INFO"`) || !strings.Contains(log.String(), "nosuch") {
		t.Errorf("got %s", log.String())
	}
}
