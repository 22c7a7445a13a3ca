package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/isrlu/isrlu/internal/onnxpb"
	"github.com/isrlu/isrlu/internal/ort"
)

// readONNX returns a model and its metadata.
func readONNX(t *testing.T, path string) (*onnxpb.ModelProto, map[string]string) {
	t.Helper()
	m := new(onnxpb.ModelProto)
	if err := proto.Unmarshal(readFile(t, path), m); err != nil {
		t.Fatal(err)
	}
	metadata := map[string]string{}
	for _, p := range m.MetadataProps {
		metadata[p.Key] = p.Value
	}
	return m, metadata
}

// inputDims returns the dimensions of a model's input in words.
func inputDims(m *onnxpb.ModelProto) string {
	var list []string
	for _, d := range m.Graph.Input[0].Type.GetTensorType().Shape.Dim {
		if d.GetDimParam() != "" {
			list = append(list, d.GetDimParam())
		} else {
			list = append(list, fmt.Sprint(d.GetDimValue()))
		}
	}
	return strings.Join(list, "x")
}

// TestExportedImagesPredictAsPredictDoes runs exported models in ONNX Runtime.
func TestExportedImagesPredictAsPredictDoes(t *testing.T) {
	p := newPredicting(t)
	want := lines(t, mustRun(t, "predict "+p.checkpoint+" "+p.images))
	plain, whole := filepath.Join(t.TempDir(), "plain.onnx"), filepath.Join(t.TempDir(), "whole.onnx")
	mustRun(t, "onnx export "+p.checkpoint+" -o "+plain+" --softmax")
	mustRun(t, "onnx export "+p.checkpoint+" -o "+whole+" --softmax --normalize --layout nhwc --opset 14 --batch 60 --style function")

	m, metadata := readONNX(t, plain)
	if got := inputDims(m); got != "Nx1x28x28" {
		t.Errorf("input %s", got)
	}
	var mean, std float32
	if _, err := fmt.Sscan(metadata["mean"]+" "+metadata["std"], &mean, &std); err != nil {
		t.Fatalf("metadata %v: %v", metadata, err)
	}
	var classes []string
	if err := json.Unmarshal([]byte(metadata["classes"]), &classes); err != nil || len(classes) != 10 || metadata["image"] != "[28,28,1]" {
		t.Errorf("metadata %v", metadata)
	}
	m, metadata = readONNX(t, whole)
	if got := inputDims(m); got != "60x28x28x1" || metadata["mean"] != "0" || metadata["std"] != "1" || m.OpsetImport[0].Version != 14 {
		t.Errorf("input %s, opset %d, metadata %v", got, m.OpsetImport[0].Version, metadata)
	}

	if os.Getenv(ort.Variable) == "" {
		t.Skipf("ONNX Runtime is not here: %s is not set", ort.Variable)
	}
	r, err := ort.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for path, normalized := range map[string]bool{plain: false, whole: true} {
		s, err := r.OpenFile(path, 1)
		if err != nil {
			t.Fatal(err)
		}
		in := ort.Tensor{Name: "input", Type: "float32", Dims: []int64{60, 1, 28, 28}}
		if normalized {
			in.Dims = []int64{60, 28, 28, 1}
		}
		for _, v := range p.test.Pixels {
			x := float32(v) / 255
			if !normalized {
				x = (x - mean) / std
			}
			in.Floats = append(in.Floats, x)
		}
		out, err := s.Run(in)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range want {
			for c, w := range line.Probabilities {
				if got := out[0].Floats[i*10+c]; math.Abs(float64(got-w)) > 1e-5 {
					t.Fatalf("normalized %v, image %d, class %d: %v, predict has %v", normalized, i, c, got, w)
				}
			}
		}
	}
}

func TestSequencesAndTextsAreExported(t *testing.T) {
	dir := t.TempDir()
	rows, text := filepath.Join(dir, "rows.safetensors"), filepath.Join(dir, "text.safetensors")
	mustRun(t, "train --task seq-digits --network gru --activation tanh --train-images 100 --test-images 100 --epochs 1 -o "+rows)
	mustRun(t, "train --task chars --network lstm --activation isru --train-chars 3000 --test-chars 500 --epochs 1 -o "+text)
	for checkpoint, want := range map[string]string{rows: "Nx28x28", text: "Nx64"} {
		out := filepath.Join(dir, "model.onnx")
		mustRun(t, "onnx export "+checkpoint+" -o "+out)
		m, metadata := readONNX(t, out)
		if got := inputDims(m); got != want {
			t.Errorf("%s: input %s, want %s", checkpoint, got, want)
		}
		if checkpoint == text && (metadata["task"] != "chars" || metadata["window"] != "64" || !strings.HasPrefix(metadata["vocabulary"], `"`)) {
			t.Errorf("metadata %v", metadata)
		}
		if checkpoint == rows && (metadata["std"] == "" || metadata["classes"] == "") {
			t.Errorf("metadata %v", metadata)
		}
	}
	out := filepath.Join(dir, "none.onnx")
	for line, want := range map[string]string{
		"onnx export " + rows:                                                 "--output",
		"onnx export " + rows + " -o " + out + " --opset 12":                  "opset must be from 13",
		"onnx export " + rows + " -o " + out + " --batch -1":                  "-1",
		"onnx export " + rows + " -o " + out + " --layout chw":                "nhwc",
		"onnx export " + rows + " -o " + out + " --style plain":               "primitive, function, custom",
		"onnx export " + text + " -o " + out + " --normalize":                 "--normalize",
		"onnx export " + filepath.Join(dir, "missing") + " -o " + out:         "missing",
		"onnx export " + rows + " -o " + filepath.Join(dir, "no", "out.onnx"): "out.onnx",
	} {
		status, _, stderr := isrluCommand(t, line)
		if status == exitOK || !strings.Contains(stderr, want) {
			t.Errorf("isrlu %s: status %d, %s", line, status, stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("an error has left a file")
	}
}
