// isrlu_1_q3_4: made by isrlu hdl generate; do not edit.
// Compares isrlu_1_q3_4 with isrlu_1_q3_4_vectors.hex, which has a line "x y" in hexadecimal for each vector.
`default_nettype none
module isrlu_1_q3_4_tb;
    localparam COUNT = 317;
    localparam STAGES = 2;

    reg [7:0] vectors [0:2*COUNT-1];
    reg clk, rst, in_valid, out_ready;
    reg [7:0] x;
    wire [7:0] y;
    wire in_ready, out_valid;
    isrlu_1_q3_4 unit (.clk(clk), .x(x), .y(y), .rst(rst), .in_valid(in_valid), .in_ready(in_ready), .out_valid(out_valid), .out_ready(out_ready));

    // Pauses come from a linear feedback shift register.
    reg [31:0] lfsr;
    reg [8:0] waiting; // {an output waited, what it was}
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
        $readmemh("isrlu_1_q3_4_vectors.hex", vectors);
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
                if (sent < COUNT) x <= vectors[2*sent][8-1:0];
            end
            out_ready <= ~(pausing & lfsr[4]);
            if (in_ready === 1'b0 && out_ready) begin
                $display("in_ready is low though out_ready is high");
                failed = failed + 1;
            end
            if (waiting[8] && waiting !== {out_valid, y}) begin
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
                    if (y !== vectors[2*received+1][8-1:0]) mismatch;
                    received = received + 1;
                end
            end
            if (received == COUNT && cycles[3:0] == 0 || cycles > 8 * COUNT + 1000) stop;
        end
    end
endmodule
`default_nettype wire
