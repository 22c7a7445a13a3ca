package serve

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Tokens are bearer tokens, any of which gives access.
type Tokens struct {
	digests [][sha256.Size]byte
}

const (
	minToken      = 16
	maxTokensFile = 1 << 20
)

// ReadTokens reads tokens, one a line. Empty lines and those that begin with # do not
// count. A token has at least 16 characters without spaces.
func ReadTokens(r io.Reader) (*Tokens, error) {
	t := &Tokens{}
	lines := bufio.NewScanner(io.LimitReader(r, maxTokensFile))
	for n := 1; lines.Scan(); n++ {
		token := strings.TrimSpace(lines.Text())
		switch {
		case token == "" || strings.HasPrefix(token, "#"):
			continue
		case len(token) < minToken || strings.ContainsAny(token, " \t"):
			// The line itself stays secret.
			return nil, fmt.Errorf("serve: line %d: a token must have at least %d characters and no spaces", n, minToken)
		}
		t.digests = append(t.digests, sha256.Sum256([]byte(token)))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("serve: cannot read tokens: %w", err)
	}
	if len(t.digests) == 0 {
		return nil, fmt.Errorf("serve: there are no tokens; write one on a line")
	}
	return t, nil
}

// ReadTokenFile reads tokens from a file.
func ReadTokenFile(path string) (*Tokens, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("serve: cannot read tokens: %w", err)
	}
	defer f.Close()
	t, err := ReadTokens(f)
	if err != nil {
		return nil, fmt.Errorf("serve: %s: %s", path, strings.TrimPrefix(err.Error(), "serve: "))
	}
	return t, nil
}

// has tells whether a token is one of them, in a time that depends on neither.
func (t *Tokens) has(token string) bool {
	digest := sha256.Sum256([]byte(token))
	found := 0
	for i := range t.digests {
		found |= subtle.ConstantTimeCompare(digest[:], t.digests[i][:])
	}
	return found == 1
}

// authorize returns an error unless the request shows a token that is wanted.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	if s.o.Tokens == nil {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && s.o.Tokens.has(strings.TrimSpace(token)) {
		return nil
	}
	challenge, text := `Bearer realm="isrlu"`, "a bearer token is needed: send it as Authorization: Bearer TOKEN"
	if scheme != "" {
		challenge, text = challenge+`, error="invalid_token"`, "the token is none that this server knows"
	}
	w.Header().Set("WWW-Authenticate", challenge)
	return failf(http.StatusUnauthorized, "%s", text)
}
