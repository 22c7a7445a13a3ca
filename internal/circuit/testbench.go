package circuit

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Vectors writes a line "x y" in hexadecimal for each of the inputs xs, with the
// output that the circuit has for it: what the testbench of the module compares with.
func (c *Circuit) Vectors(w io.Writer, m Module, xs []int64) error {
	if err := c.widths(&m); err != nil {
		return err
	}
	ys := make([]int64, len(xs))
	c.Evaluator().Run(ys, xs)
	b := bufio.NewWriter(w)
	hex := func(v int64, width int) string {
		return fmt.Sprintf("%0*x", (width+3)/4, uint64(v)<<(64-width)>>(64-width))
	}
	for i, x := range xs {
		fmt.Fprintln(b, hex(x, m.InWidth), hex(ys[i], m.OutWidth))
	}
	return b.Flush()
}

// Testbench writes the module NAME_tb, which drives the module of the circuit with the
// first count lines of the file of vectors and compares. Where there is a handshake,
// pseudo-random pauses of both sides alternate with stretches without any. It prints
// the first ten mismatches and ends by a line "PASS count vectors" or "FAIL ...", the
// latter after too many cycles too. Only that line tells: Icarus Verilog's exit status
// is 0 in any case.
func (c *Circuit) Testbench(w io.Writer, m Module, vectors string, count int) error {
	if err := c.widths(&m); err != nil {
		return err
	}
	if strings.ContainsAny(vectors, "\"\\\n") {
		return fmt.Errorf("circuit: %q cannot be the name of a file of vectors", vectors)
	}
	if count < 1 {
		return fmt.Errorf("circuit: %d vectors", count)
	}
	ports := []string{".x(x)", ".y(y)"}
	if m.clocked() {
		ports = append([]string{".clk(clk)"}, ports...)
	}
	if m.resettable() {
		ports = append(ports, ".rst(rst)")
	}
	var links string
	switch m.Handshake {
	case NoHandshake:
		links = "    // The unit has no handshake: a result comes Stages cycles after its input.\n"
		if m.Stages == 0 {
			links += "    assign out_valid = in_valid;\n"
		} else {
			links += `    reg [STAGES:0] valid;
    assign out_valid = valid[STAGES-1];
    always @(posedge clk) valid <= rst ? {(STAGES + 1){1'b0}} : {valid[STAGES-1:0], in_valid};
`
		}
		links += "    assign in_ready = 1'b1;\n"
	case Valid:
		ports = append(ports, ".in_valid(in_valid)", ".out_valid(out_valid)")
		links = "    assign in_ready = 1'b1;\n"
	case ValidReady:
		ports = append(ports, ".in_valid(in_valid)", ".in_ready(in_ready)", ".out_valid(out_valid)", ".out_ready(out_ready)")
	}
	ready := "1'b1"
	if m.Handshake == ValidReady {
		ready = "~(pausing & lfsr[4])"
	}
	_, err := strings.NewReplacer(
		"NAME", m.Name, "FILE", vectors, "COUNT_", fmt.Sprint(count), "STAGES_", fmt.Sprint(m.Stages),
		"INBITS", vector(false, m.InWidth-1, 0), "OUTBITS", vector(false, m.OutWidth-1, 0),
		"INW", fmt.Sprint(m.InWidth), "OUTW", fmt.Sprint(m.OutWidth), "WORD", fmt.Sprint(max(m.InWidth, m.OutWidth)-1),
		"PORTS", strings.Join(ports, ", "), "LINKS", links, "READY", ready,
	).WriteString(w, bench)
	return err
}

// bench is the testbench with gaps.
const bench = `// Compares NAME with FILE, which has a line "x y" in hexadecimal for each vector.
` + "`default_nettype none" + `
module NAME_tb;
    localparam COUNT = COUNT_;
    localparam STAGES = STAGES_;

    reg [WORD:0] vectors [0:2*COUNT-1];
    reg clk, rst, in_valid, out_ready;
    reg INBITSx;
    wire OUTBITSy;
    wire in_ready, out_valid;
    NAME unit (PORTS);
LINKS
    // Pauses come from a linear feedback shift register.
    reg [31:0] lfsr;
    reg [OUTW:0] waiting; // {an output waited, what it was}
    integer cycles, sent, received, failed;
    wire pausing = cycles[6];
    always #5 clk = ~clk;

    task mismatch;
        begin
            failed = failed + 1;
            if (failed <= 10)
                $display("vector %0d: x = %h, got %h, want %h", received, vectors[2*received], y, vectors[2*received+1]);
        end
    endtask

    task stop;
        begin
            if (failed == 0 && received == COUNT) begin
                $display("PASS %0d vectors", COUNT);
                $finish;
            end else begin
                $display("FAIL %0d of %0d, %0d received", failed, COUNT, received);
                $stop;
                $finish;
            end
        end
    endtask

    initial begin
        $readmemh("FILE", vectors);
        clk = 0; rst = 1; in_valid = 0; out_ready = 0; x = 0; lfsr = 1; waiting = 0;
        cycles = 0; sent = 0; received = 0; failed = 0;
    end

    always @(posedge clk) begin
        cycles = cycles + 1;
        lfsr <= {lfsr[30:0], lfsr[31] ^ lfsr[21] ^ lfsr[1] ^ lfsr[0]};
        rst <= cycles < STAGES + 3;
        if (!rst) begin
            if (in_valid && in_ready) sent = sent + 1;
            if (!in_valid || in_ready) begin
                in_valid <= sent < COUNT && !(pausing && lfsr[9]);
                if (sent < COUNT) x <= vectors[2*sent][INW-1:0];
            end
            out_ready <= READY;
            if (in_ready === 1'b0 && out_ready) begin
                $display("in_ready is low though out_ready is high");
                failed = failed + 1;
            end
            if (waiting[OUTW] && waiting !== {out_valid, y}) begin
                $display("an output did not wait for out_ready");
                failed = failed + 1;
            end
            waiting <= {out_valid & ~out_ready, y};
            if (out_valid !== 1'b0 && out_ready) begin
                if (out_valid !== 1'b1 || received == COUNT) begin
                    $display("out_valid without an input");
                    failed = failed + 1;
                    stop;
                end else begin
                    if (y !== vectors[2*received+1][OUTW-1:0]) mismatch;
                    received = received + 1;
                end
            end
            if (received == COUNT && cycles[3:0] == 0 || cycles > 8 * COUNT + 1000) stop;
        end
    end
endmodule
` + "`default_nettype wire\n"
