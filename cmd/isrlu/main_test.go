package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
	"github.com/isrlu/isrlu/internal/check"
	"github.com/isrlu/isrlu/report"
)

// isrluCommand runs a command line, split at spaces.
func isrluCommand(t *testing.T, line string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	status = execute(t.Context(), strings.Fields(line), &out, &errs)
	return status, out.String(), errs.String()
}

// mustRun runs a command line that must succeed, and returns what it prints.
func mustRun(t *testing.T, line string) string {
	t.Helper()
	status, stdout, stderr := isrluCommand(t, line)
	if status != exitOK || stderr != "" {
		t.Fatalf("isrlu %s: status %d, %s", line, status, stderr)
	}
	return stdout
}

func TestBadCommandLinesNameValueAndRemedy(t *testing.T) {
	for line, wants := range map[string][]string{
		"bensh":                                  {`"bensh"`, "--help"},
		"bench extra":                            {`"extra"`},
		"bench --nope":                           {"--nope"},
		"bench --functions foo":                  {`"foo"`, "isrlu, isru"},
		"bench --functions isrlu:-1":             {"alpha must be positive and finite, got -1"},
		"bench --functions isrlu:0":              {"alpha must be positive", "got 0"},
		"bench --functions isrlu:NaN":            {"NaN"},
		"bench --functions isrlu:x":              {`"x"`},
		"bench --functions isrlu:1,2":            {"1 parameter, got 2"},
		"bench --functions ,":                    {`","`, "isrlu functions"},
		"bench --sizes 4Kx":                      {`"4Kx"`, "4Ki"},
		"bench --sizes 0":                        {`"0"`},
		"bench --sizes 4Gi":                      {`"4Gi"`, "1Gi"},
		"bench --precisions rough":               {`"rough"`, "exact, default, fast"},
		"bench --directions up":                  {`"up"`, "forward, backward"},
		"bench --placements aside":               {`"aside"`, "inplace, separate"},
		"bench --simd sse":                       {`"sse"`, "portable"},
		"bench --type int8":                      {`"int8"`, "bfloat16"},
		"bench --format xml":                     {`"xml"`, "table, csv, json"},
		"bench --plot a.gif":                     {`"a.gif"`, ".svg or .png"},
		"bench --time 0s":                        {"0s", "1m"},
		"bench --time soon":                      {"soon"},
		"bench network --network vgg":            {`"vgg"`, "mlp, conv3", "file"},
		"bench network --network mlp,mlp":        {`"mlp"`, "twice"},
		"bench network --network=":               {"network"},
		"bench network --activation elou":        {`"elou"`, "isrlu, isru"},
		"bench network --activation relu:learn":  {"relu", "no parameter"},
		"bench network --activation isrlu,isrlu": {`"isrlu"`, "twice"},
		"bench network -a ,":                     {`","`, "isrlu functions"},
		"bench network --pass backward":          {`"backward"`, "training, inference"},
		"bench network --batch 0":                {"batch must be from 1", "got 0"},
		"bench network --batch ten":              {`"ten"`, "--batch"},
		"bench network --threads 0":              {"threads must be from 1", "got 0"},
		"bench network --threads 1,1":            {"1 threads", "twice"},
		"bench network --threads two":            {"two", "--threads"},
		"bench network --time 0s":                {"0s", "1m"},
		"bench network --format xml":             {`"xml"`, "table, csv, json"},
		"bench network mlp":                      {`"mlp"`},
		"bench network --sizes 4Ki":              {"--sizes"},
		"bench gemm --shapes 512x":               {`"512x"`, "100x256x3136", "512"},
		"bench gemm --shapes 64,0":               {`"0"`},
		"bench gemm --shapes 9000":               {`"9000"`, "at most"},
		"bench gemm --shapes=":                   {"--shapes", "100x256x3136"},
		"bench gemm --transpose n":               {`"n"`, "nn, nt, tn, tt"},
		"bench gemm --time 2m":                   {"2m", "1m"},
		"bench gemm --format xml":                {`"xml"`, "table, csv, json"},
		"bench gemm 512":                         {`"512"`},
		"check --format xml":                     {`"xml"`, "table, csv, json"},
		"check --functions foo":                  {`"foo"`},
		"check --workers -1":                     {"-1"},
		"check --exhaustive --type float64":      {"--exhaustive", "float64"},
		"plot foo":                               {`"foo"`},
		"plot isrlu relu":                        {`"relu" is too many`, "isrlu plot [function,...]"},
		"plot isrlu --functions relu":            {`"isrlu"`, `"relu"`},
		"plot isrlu -o a.pdf":                    {`"a.pdf"`, ".svg or .png"},
		"plot isrlu --from 2 --to 1":             {"2", "1", "less"},
		"plot isrlu --to Inf":                    {"+Inf", "finite"},
		"plot relu --second -o a.svg":            {`"relu"`, "ISR"},
		"functions --format yaml":                {`"yaml"`, "table, csv, json"},
		"version now":                            {`"now"`},
		"compar":                                 {"did you mean compare?"},
		"onnx inf":                               {`"isrlu onnx"`, "did you mean info?"},
		"functions all":                          {`functions takes no arguments, got "all"`},
		"predict a":                              {"the file is missing: isrlu predict checkpoint file..."},
		"onnx info":                              {"the model is missing: isrlu onnx info model"},
		"onnx info a b":                          {`"b" is too many`},
		"help nosuch":                            {`no help about "nosuch"`},
		"completion csh":                         {`"csh"`},
		"compare --epochs x":                     {`--epochs takes a whole number, got "x"`},
		"compare --seed -1":                      {"not negative"},
		"compare --lr x":                         {`--lr takes a number, got "x"`},
		"onnx tune a --mean x":                   {"numbers with commas between"},
	} {
		status, stdout, stderr := isrluCommand(t, line)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "isrlu: ") || strings.Contains(stderr, "isrlu: isrlu:") {
			t.Errorf("isrlu %s: status %d, stdout %q, stderr %q", line, status, stdout, stderr)
		}
		for _, want := range wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("isrlu %s: %q does not say %q", line, stderr, want)
			}
		}
	}
}

func TestFailuresAreNotUsageErrors(t *testing.T) {
	line := "plot isrlu -o " + filepath.Join(t.TempDir(), "nowhere", "a.svg")
	status, _, stderr := isrluCommand(t, line)
	if status != exitFailed || !strings.Contains(stderr, "a.svg") || strings.Contains(stderr, "--help") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestInterruptIsClean(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, line := range []string{"bench --functions relu --sizes 1k", "bench network --network mlp --batch 1", "bench gemm --shapes 8", "check --functions relu --exhaustive"} {
		var out, errs strings.Builder
		status := execute(ctx, strings.Fields(line), &out, &errs)
		if status != exitInterrupted || out.String() != "" || errs.String() != "isrlu: interrupted\n" {
			t.Errorf("isrlu %s: status %d, %q, %q", line, status, out.String(), errs.String())
		}
	}
}

const quickBench = "bench --functions isrlu,relu --sizes 256,1k --time 1us "

func TestBenchCSV(t *testing.T) {
	out := mustRun(t, quickBench+"--format csv --directions forward,backward_from_output --placements separate --precisions default,fast")
	header, _, _ := strings.Cut(out, "\n")
	if header != "function,precision,direction,placement,simd,elements,ns_per_element,gb_per_s" {
		t.Errorf("header %q", header)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows[1:] {
		got = append(got, strings.Join(slices.Concat(r[:4], r[5:6]), " "))
	}
	var want []string
	for _, size := range []string{"256", "1000"} {
		want = append(want, "copy exact forward separate "+size)
		for _, f := range []string{"isrlu:1 default", "isrlu:1 fast", "relu default"} {
			want = append(want, f+" forward separate "+size, f+" backward_from_output separate "+size)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBenchJSON(t *testing.T) {
	var v struct {
		Processor, Go, Type string
		SIMD                []string
		Results             []struct {
			Function string
			NS       float64 `json:"ns_per_element"`
			GB       float64 `json:"gb_per_s"`
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, quickBench+"--format json --type bfloat16")), &v); err != nil {
		t.Fatal(err)
	}
	if v.Processor == "" || v.Go == "" || v.Type != "bfloat16" || !slices.Equal(v.SIMD, []string{isrlu.SIMDLevel()}) {
		t.Errorf("got %+v", v)
	}
	for _, r := range v.Results {
		if r.Function == "" || !(r.NS > 0) || !(r.GB > 0) {
			t.Errorf("result %+v", r)
		}
	}
}

func TestBenchTableSaysWhatRan(t *testing.T) {
	out := mustRun(t, quickBench+"--simd portable")
	for _, want := range []string{"SIMD portable", "go1.", "x copy", "copy", "isrlu:1", "inplace"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
}

func TestPlotsOfAllCommands(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{
		quickBench + "--plot ",
		"plot isrlu:1,isrlu:3,relu --derivative --second --title Curves -o ",
	} {
		svg, bitmap := filepath.Join(dir, "a.svg"), filepath.Join(dir, "a.png")
		mustRun(t, line+svg)
		mustRun(t, line+bitmap)
		file, err := os.Open(bitmap)
		if err != nil {
			t.Fatal(err)
		}
		_, err = png.Decode(file)
		file.Close()
		if err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(svg)
		if err != nil {
			t.Fatal(err)
		}
		for dec := xml.NewDecoder(strings.NewReader(string(data))); err == nil; {
			_, err = dec.Token()
		}
		if !strings.Contains(string(data), "isrlu:1") || !errors.Is(err, io.EOF) && err != nil {
			t.Errorf("isrlu %s: the drawing is not XML (%v) with the name of the function", line, err)
		}
	}
}

func TestCheckFormats(t *testing.T) {
	const line = "check --functions identity,relu --directions forward,backward --format "
	rows, err := csv.NewReader(strings.NewReader(mustRun(t, line+"csv"))).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		if row[len(row)-1] != "ok" {
			t.Errorf("row %q", row)
		}
	}
	var v struct{ Results []map[string]any }
	if err := json.Unmarshal([]byte(mustRun(t, line+"json")), &v); err != nil || len(v.Results) != 4 {
		t.Fatalf("%d results, %v", len(v.Results), err)
	}
	if v.Results[0]["function"] != "identity" || v.Results[0]["max_ulp"] != 0.0 || v.Results[0]["status"] != "ok" {
		t.Errorf("got %v", v.Results[0])
	}
	if out := mustRun(t, line+"table"); !strings.Contains(out, "max ulp") {
		t.Errorf("got %s", out)
	}
}

func TestBrokenBoundIsPrinted(t *testing.T) {
	results := []check.Result{{
		Function: "f", Direction: "forward", Precision: "exact", SIMD: "portable", Checked: 10,
		ULP: check.Worst{Error: 3, Input: 1.5, Got: 2, Want: 1}, Bound: isrlu.Bound{ULP: 1},
		Broken: 2, First: check.Worst{Error: 2, Input: 0.5, Gradient: -1.25, Got: 4, Want: 5},
	}}
	var b strings.Builder
	if err := writeCheck(&b, results, report.Text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FAIL", "1.5", "1 ulp", "2 elements beyond the bound, the first at 0.5 (dy = -1.25): got 4, exact 5"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
	if err := boundsError(results); err == nil || !strings.Contains(err.Error(), "1 of 1") {
		t.Errorf("got %v", err)
	}
}

func TestFunctionsListsAll(t *testing.T) {
	out := mustRun(t, "functions")
	for _, info := range isrlu.Functions() {
		if !strings.Contains(out, info.Name) || !strings.Contains(out, info.Formula) {
			t.Errorf("the list lacks %s", info.Name)
		}
	}
}

func TestEveryCommandHasHelpAndExamples(t *testing.T) {
	var check func(cmds []*cobra.Command, before string)
	check = func(cmds []*cobra.Command, before string) {
		for _, cmd := range cmds {
			name := before + cmd.Name()
			if cmd.Long == "" || cmd.Example == "" || cmd.Short == "" {
				t.Errorf("%s lacks help", name)
			}
			if out := mustRun(t, name+" --help"); !strings.Contains(out, "Examples:") {
				t.Errorf("the help of %s shows no example", name)
			}
			check(cmd.Commands(), name+" ")
		}
	}
	check(newRootCmd().Commands(), "")
}

func TestCompletion(t *testing.T) {
	if out := mustRun(t, "completion bash"); !strings.Contains(out, "isrlu") {
		t.Error("no script for bash")
	}
	for line, want := range map[string]string{
		"bench --functions isrlu,re":         "isrlu,relu",
		"bench ne":                           "network",
		"bench network --network mlp,re":     "mlp,resnet8",
		"bench network --activation isrlu,e": "isrlu,elu",
		"bench network --pass tr":            "training",
		"bench network --format j":           "json",
		"bench gemm --transpose nn,t":        "nn,tn",
		"bench gemm --shapes 51":             "512",
		"bench gemm --format c":              "csv",
	} {
		status, out, _ := isrluCommand(t, "__completeNoDesc "+line)
		if status != exitOK || !strings.HasPrefix(out, want+"\n") {
			t.Errorf("completion of %s: status %d, %q", line, status, out)
		}
	}
}
