package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// served runs a command line of serve until the test ends, and returns the URL that it
// prints and its log so far. end stops it and returns the status.
func served(t *testing.T, line string) (url string, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	status := make(chan int, 1)
	var log strings.Builder
	go func() {
		status <- execute(ctx, strings.Fields("serve --listen 127.0.0.1:0 "+line), w, &log)
		w.Close()
	}()
	url, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("serve %s: status %d, %s", line, <-status, log.String())
	}
	end = func() int {
		cancel()
		return <-status
	}
	return strings.TrimSpace(url), end
}

// ask posts a body and returns the answer.
func ask(t *testing.T, url, kind string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.Post(url, kind, body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// The server's answers are those of predict, for a checkpoint and for the ONNX model that
// it was exported to.
func TestServeAnswersAsPredictDoes(t *testing.T) {
	p := newPredicting(t)
	model := filepath.Join(t.TempDir(), "b.onnx")
	mustRun(t, "onnx export "+p.checkpoint+" -o "+model)
	var want []prediction
	for line := range strings.Lines(mustRun(t, "predict "+p.checkpoint+" "+p.images)) {
		var one prediction
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		want = append(want, one)
	}
	url, end := served(t, "digits="+p.checkpoint+" "+model+" --max-batch 7 --instances 2")
	for _, name := range []string{"digits", "b"} {
		status, text := ask(t, url+"/predict/"+name, "application/octet-stream", strings.NewReader(string(p.test.Pixels)))
		var got struct{ Predictions []prediction }
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK || len(got.Predictions) != len(want) {
			t.Fatalf("%s: got %d, %.200s", name, status, text)
		}
		for i, g := range got.Predictions {
			if g.Class != want[i].Class || g.Label != want[i].Label || len(g.Probabilities) != 10 {
				t.Errorf("%s: image %d is %+v, predict says %+v", name, i, g, want[i])
			}
			for c, v := range g.Probabilities {
				if d := v - want[i].Probabilities[c]; d > 1e-5 || d < -1e-5 || name == "digits" && d != 0 {
					t.Errorf("%s: image %d, class %d has %v, predict says %v", name, i, c, v, want[i].Probabilities[c])
				}
			}
		}
	}
	if got := end(); got != exitOK {
		t.Errorf("it ended with status %d", got)
	}
}

// A network of characters takes tokens.
func TestServeTakesTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prose.safetensors")
	if status, _, stderr := isrluCommand(t, "train --task chars --network lstm --train-chars 4000 --test-chars 500 --epochs 1 -o "+path); status != exitOK {
		t.Fatal(stderr)
	}
	url, end := served(t, path)
	r, err := http.Get(url + "/v2/models/prose")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var about struct{ Inputs, Outputs []struct{ Shape []int } }
	if err := json.NewDecoder(r.Body).Decode(&about); err != nil {
		t.Fatal(err)
	}
	tokens := make([]int, about.Inputs[0].Shape[1])
	request, err := json.Marshal(map[string]any{"inputs": []any{map[string]any{"name": "input", "datatype": "INT64", "shape": []int{1, len(tokens)}, "data": tokens}}})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := ask(t, url+"/v2/models/prose/infer", "", strings.NewReader(string(request))); status != http.StatusOK {
		t.Errorf("got %d, %.200s", status, text)
	}
	if got := end(); got != exitOK {
		t.Errorf("it ended with status %d", got)
	}
}

func TestBadServeLinesNameValueAndRemedy(t *testing.T) {
	p := newPredicting(t)
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(t.TempDir(), "a b.safetensors")
	if err := os.WriteFile(odd, readFile(t, p.checkpoint), 0o666); err != nil {
		t.Fatal(err)
	}
	for line, c := range map[string]struct {
		status int
		wants  []string
	}{
		"serve":                                        {exitUsage, []string{"model is missing"}},
		"serve a/b=x.onnx":                             {exitUsage, []string{`"a/b"`, "digits=x.onnx"}},
		"serve nosuch.safetensors":                     {exitFailed, []string{"nosuch.safetensors"}},
		"serve nosuch.onnx":                            {exitFailed, []string{"nosuch.onnx"}},
		"serve x --max-batch 0":                        {exitUsage, []string{"--max-batch", "got 0"}},
		"serve x --max-delay 1m":                       {exitUsage, []string{"--max-delay must be less than --timeout", "30s", "1m0s"}},
		"serve x --max-delay soon":                     {exitUsage, []string{"--max-delay takes a time", `"soon"`}},
		"serve x --timeout 0s":                         {exitUsage, []string{"--timeout must be more than 0"}},
		"serve x --max-rows 2000":                      {exitUsage, []string{"--max-rows must be from 1 to 1024, got 2000"}},
		"serve x --max-body 3q":                        {exitUsage, []string{"--max-body", `"3q"`, "bytes"}},
		"serve x --max-memory 1Mi":                     {exitUsage, []string{"--max-memory", "--max-body"}},
		"serve x --log-format xml":                     {exitUsage, []string{`"xml"`, "text, json"}},
		"serve x --log-level loud":                     {exitUsage, []string{`"loud"`, "debug, info"}},
		"serve x --tls-cert a.pem":                     {exitUsage, []string{"--tls-key"}},
		"serve x --tls-cert a.pem --tls-key b":         {exitFailed, []string{"a.pem"}},
		"serve x --token-file " + tokens:               {exitFailed, []string{"line 1", "16 characters"}},
		"serve x --listen systemd --reuse-port":        {exitUsage, []string{"--reuse-port"}},
		"serve " + p.checkpoint + " -l nowhere":        {exitFailed, []string{"nowhere"}},
		"serve " + p.checkpoint + " -l systemd":        {exitFailed, []string{"LISTEN_FDS"}},
		"serve " + p.checkpoint + " -l 0.0.0.0:0":      {exitUsage, []string{"other machines", "--token-file", "--insecure"}},
		"serve " + p.checkpoint + " -l :0":             {exitUsage, []string{"other machines"}},
		"serve " + p.checkpoint + " a=" + p.checkpoint: {exitUsage, []string{`"a"`, "different names"}},
	} {
		status, stdout, stderr := isrluCommand(t, line)
		if status != c.status || stdout != "" {
			t.Errorf("isrlu %s: status %d, stdout %q", line, status, stdout)
		}
		for _, want := range c.wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("isrlu %s: %q lacks %q", line, stderr, want)
			}
		}
	}
	var out, errs strings.Builder
	if status := execute(t.Context(), []string{"serve", odd}, &out, &errs); status != exitUsage || !strings.Contains(errs.String(), `"a b"`) || !strings.Contains(errs.String(), "digits=") {
		t.Errorf("a file with a space: status %d, %s", status, errs.String())
	}
}
