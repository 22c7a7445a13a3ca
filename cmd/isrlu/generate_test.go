package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "prose.safetensors")
	mustRun(t, "train --task chars --network gru --train-chars 3000 --test-chars 500 --epochs 1 -o "+file)
	line := "generate " + file + " --length 40 --prompt The"
	text := mustRun(t, line)
	if body, ok := strings.CutSuffix(text, "\n"); !ok || !strings.HasPrefix(body, "The") || len([]rune(body)) < 3+39 || len([]rune(body)) > 3+40 {
		t.Errorf("text %q", text)
	}
	if again := mustRun(t, line); again != text {
		t.Errorf("%q, then %q", text, again)
	}
	if other := mustRun(t, line+" --seed 2"); other == text {
		t.Error("another seed writes the same text")
	}
	if empty := mustRun(t, "generate "+file+" --length 1"); empty == "" {
		t.Error("nothing follows from an empty prompt")
	}
	images := filepath.Join(dir, "digits.safetensors")
	mustRun(t, "train --train-images 100 --test-images 100 --epochs 1 -o "+images)
	for line, wants := range map[string][]string{
		"generate " + file + " --prompt Th€":        {"--prompt", "'€'", "column 3"},
		"generate " + file + " --length 0":          {"--length", "0"},
		"generate " + file + " --temperature -2":    {"temperature", "-2"},
		"generate " + images:                        {images, "isrlu train --task chars"},
		"generate " + filepath.Join(dir, "missing"): {"missing"},
		"predict " + file + " " + file:              {"isrlu generate"},
	} {
		status, _, stderr := isrluCommand(t, line)
		for _, want := range wants {
			if status == exitOK || !strings.Contains(stderr, want) {
				t.Errorf("isrlu %s: status %d, %s", line, status, stderr)
			}
		}
	}
}

func TestVocabulariesInMetadata(t *testing.T) {
	good := map[string]string{metaTask: "chars", metaVocabulary: `"ab\u20ac"`}
	if v, err := readVocabulary(good); err != nil || v.String() != "ab€" {
		t.Errorf("%v, %v", v, err)
	}
	for want, metadata := range map[string]map[string]string{
		"their order":              {metaTask: "chars", metaVocabulary: `"ba"`},
		"a string in JSON":         {metaTask: "chars", metaVocabulary: "ab"},
		"isrlu train --task chars": {metaTask: "images", metaVocabulary: `"ab"`},
		"empty text":               {metaTask: "chars", metaVocabulary: `""`},
	} {
		if _, err := readVocabulary(metadata); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v does not say %q", metadata, err, want)
		}
	}
}
