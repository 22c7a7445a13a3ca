package main

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const quickNetwork = "bench network --network mlp --batch 2 --time 1us --activation isrlu,relu "

// csvRows returns the header and the rows of a command that prints CSV.
func csvRows(t *testing.T, line string) (header string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(mustRun(t, line+" --format csv"))).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("isrlu %s: %d rows, %v", line, len(all), err)
	}
	return strings.Join(all[0], ","), all[1:]
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBenchNetworkCSV(t *testing.T) {
	header, rows := csvRows(t, quickNetwork+"--threads 1,2")
	if header != "network,activation,pass,batch,threads,ms,images_per_s,gflops,activation_share" {
		t.Errorf("header %q", header)
	}
	var got, want []string
	for _, r := range rows {
		got = append(got, strings.Join(r[:5], " "))
		// 784 x 256 + 256 x 128 + 128 x 10 multiply-adds; the first layer has one
		// backward pass, the others two.
		operations := 2.0 * (784*256 + 256*128 + 128*10)
		if r[2] == "training" {
			operations = 4*784*256 + 6*(256*128+128*10)
		}
		ms, images, gflops, share := number(t, r[5]), number(t, r[6]), number(t, r[7]), number(t, r[8])
		if !(ms > 0) || math.Abs(images*ms-2000) > 1 || math.Abs(gflops*1e6*ms/(2*operations)-1) > 1e-3 || !(share >= 0 && share <= 1) {
			t.Errorf("row %q", r)
		}
	}
	for _, f := range []string{"isrlu", "relu"} {
		for _, pass := range []string{"training", "inference"} {
			want = append(want, "mlp "+f+" "+pass+" 2 1", "mlp "+f+" "+pass+" 2 2")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

func TestBenchNetworkLayers(t *testing.T) {
	header, rows := csvRows(t, quickNetwork+"--layers")
	if header != "network,activation,pass,batch,threads,layer,kind,forward_ms,backward_ms,share,gflops" {
		t.Errorf("header %q", header)
	}
	shares := map[string]float64{}
	for _, r := range rows {
		shares[r[1]+" "+r[2]] += number(t, r[9])
	}
	if len(shares) != 4 || len(rows) != 4*5 {
		t.Errorf("%d rows of %d cells", len(rows), len(shares))
	}
	for cell, sum := range shares {
		if math.Abs(sum-1) > 1e-3 {
			t.Errorf("the shares of %s sum to %v", cell, sum)
		}
	}
	out := mustRun(t, quickNetwork+"--layers")
	for _, want := range []string{"activation share", "% peak", "FMA peak", "threads 1,", "The time of each layer", "backward ms", "2.dense", "rest"} {
		if !strings.Contains(out, want) {
			t.Errorf("the tables lack %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "3.activation") {
		t.Errorf("an activation inside a layer has a row:\n%s", out)
	}
}

func TestBenchNetworkJSON(t *testing.T) {
	var v struct {
		Processor string
		Peak      float64 `json:"peak_gflops"`
		Results   []struct {
			Network, Activation, Pass string
			Batch, Threads            int
			MS                        float64
			Images                    float64  `json:"images_per_s"`
			Share                     *float64 `json:"activation_share"`
			Layers                    []struct {
				Layer string
				Share float64
			}
		}
	}
	for _, layers := range []bool{false, true} {
		line := quickNetwork + "--pass inference --format json"
		if layers {
			line += " --layers"
		}
		out := mustRun(t, line)
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
		if v.Processor == "" || !(v.Peak > 0) || len(v.Results) != 2 || strings.Contains(out, "layers") != layers {
			t.Errorf("got %s", out)
		}
		for _, r := range v.Results {
			if r.Network != "mlp" || r.Activation == "" || r.Pass != "inference" || r.Batch != 2 || r.Threads != 1 || !(r.MS > 0) || !(r.Images > 0) || r.Share == nil || layers && len(r.Layers) != 5 {
				t.Errorf("result %+v", r)
			}
		}
	}
}

func TestBenchNetworkTakesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.json")
	const network = `{"input": [4, 4, 1], "layers": [{"type": "flatten"}, {"type": "dense", "units": 3}, {"type": "activation"}, {"type": "dense", "units": 2}]}`
	if err := os.WriteFile(file, []byte(network), 0o600); err != nil {
		t.Fatal(err)
	}
	_, rows := csvRows(t, "bench network --time 1us --pass inference --activation isrlu:3:learn --network "+file)
	if len(rows) != 1 || rows[0][0] != file || rows[0][1] != "isrlu:3:learn" || rows[0][3] != "100" {
		t.Errorf("rows %q", rows)
	}
	// A network in which there is nothing to choose.
	closed := strings.Replace(network, `"activation"`, `"activation", "function": "relu"`, 1)
	if err := os.WriteFile(file, []byte(closed), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := isrluCommand(t, "bench network --network "+file)
	if status != exitUsage || !strings.Contains(stderr, file) || !strings.Contains(stderr, `leave "function" or`) {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestBenchGemm(t *testing.T) {
	header, rows := csvRows(t, "bench gemm --shapes 16,3x40x5,16 --transpose nn,tt --time 1us")
	if header != "m,n,k,transpose,ms,gflops,peak_percent" {
		t.Errorf("header %q", header)
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join(r[:4], " "))
		operations := 2 * number(t, r[0]) * number(t, r[1]) * number(t, r[2])
		if ms, gflops := number(t, r[4]), number(t, r[5]); !(ms > 0) || math.Abs(gflops*1e6*ms/operations-1) > 1e-3 || !(number(t, r[6]) > 0) {
			t.Errorf("row %q", r)
		}
	}
	if want := []string{"16 16 16 nn", "16 16 16 tt", "3 40 5 nn", "3 40 5 tt"}; !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	out := mustRun(t, "bench gemm --shapes 8 --time 1us")
	for _, want := range []string{"one core", "FMA peak", "% peak", "GFLOP/s", "spread"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
}

// The element-wise bench has commands below it, and goes on without them.
func TestBenchNeedsNoCommand(t *testing.T) {
	if out := mustRun(t, quickBench); !strings.Contains(out, "ns/element") {
		t.Errorf("got %s", out)
	}
}

func TestBenchRecurrentCSV(t *testing.T) {
	header, rows := csvRows(t, "bench recurrent --units 5 --steps 3 --batch 2 --time 1us --functions isru,tanh/isru_sigmoid:2")
	if header != "cell,units,functions,pass,ms,ms_low,ms_high,gflops,elementwise_share" {
		t.Errorf("header %q", header)
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join(r[:4], " "))
	}
	want := []string{
		"lstm 5 isru:1, gates isru_sigmoid:1,0.5 forward", "lstm 5 isru:1, gates isru_sigmoid:1,0.5 forward+backward",
		"lstm 5 tanh, gates isru_sigmoid:2 forward", "lstm 5 tanh, gates isru_sigmoid:2 forward+backward",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}
