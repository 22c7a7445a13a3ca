// isrlu_1_q3_4: made by isrlu hdl generate; do not edit.
//
//   isrlu hdl generate --function isrlu:1 --format q3.4 --error 0.8 --family rsqrt --stages 2 --handshake ready --vectors 20
//
// Function      y = x >= 0 ? x : x/sqrt(1 + alpha x^2), alpha = 1
// Format        q3.4: two's complement of 8 bits, 4 of them fraction, from -8 to 7.9375, of x and y
// Error         at most 0.8 ulp allowed (1 ulp = 2^-4 = 0.0625)
//               0.7821 ulp measured, at x = -1.9375 (0xe1); mean 0.1343; of all 256 inputs
// Architecture  inverse square root: constants of 16 segments per binade (q 4, seed 6, guard 3)
// Latency       2 cycles
// Estimate      1036 NAND2 equivalents, 32 register bits among them, 31 levels of gates in the longest stage
//
// All ports belong to the rising edge of clk; one result a cycle, 2 cycles after its input.
// An input is taken in cycles in which in_valid and in_ready are 1, a result is
// given in those in which out_valid and out_ready are; until then it stays.
// rst is synchronous and active high; it takes back the valid bits and no data.
`default_nettype none
// Not all bits of sums and products are needed.
// verilator lint_off UNUSED
module isrlu_1_q3_4 (
    input  wire clk,
    input  wire rst,
    input  wire in_valid,
    output wire in_ready,
    input  wire signed [7:0] x,
    output wire out_valid,
    input  wire out_ready,
    output wire signed [7:0] y
);
    // valid[i] tells that the registers of rank i + 1 hold data.
    reg [1:0] valid;
    assign out_valid = valid[1];
    // All registers advance together, unless an output waits.
    wire advance = out_ready | ~valid[1];
    assign in_ready = advance;
    always @(posedge clk)
        if (rst) valid <= 2'd0;
        else if (advance) valid <= {valid[0], in_valid};

    // Stage 1
    wire signed [7:0] inverse_1 = ~x;
    wire [6:0] inverted = inverse_1[6:0]; // -x - 1 where x < 0
    wire [7:0] sum_2 = {1'd0, inverted} + 8'd1;
    wire [6:0] a = (sum_2 < 8'd127) ? sum_2[6:0] : 7'd127; // magnitude
    wire [9:0] square = // alpha a^2
        ({10{a[0]}} & {6'd0, a[6:3]})
        + ({10{a[1]}} & {5'd0, a[6:2]})
        + ({10{a[2]}} & {4'd0, a[6:3], 2'b01})
        + ({10{a[3]}} & {3'd0, a[6:4], 2'b01, 2'd0})
        + ({10{a[4]}} & {2'd0, a[6:5], 2'b01, 4'd0})
        + ({10{a[5]}} & {1'd0, a[6], 2'b01, 6'd0})
        + ({10{a[6]}} & {1'd0, 1'b1, 8'd0});
    wire [10:0] q = {1'd0, square} + 11'd16; // 1 + alpha a^2
    wire [2:0] binade = // of 1 + alpha a^2
        q[10] ? 3'd6 :
        q[9] ? 3'd5 :
        q[8] ? 3'd4 :
        q[7] ? 3'd3 :
        q[6] ? 3'd2 :
        q[5] ? 3'd1 :
        3'd0;
    wire [10:0] shifted_7 = q >> binade;
    wire [3:0] fraction = shifted_7[3:0]; // after the leading one
    wire [4:0] segment = {binade[0], 4'd0} | {1'd0, fraction}; // of the table: parity of the binade, first bits
    reg signed [7:0] x_s2;
    reg [6:0] a_s2;
    reg [2:1] binade_s2;
    reg [4:0] segment_s2;
    always @(posedge clk) if (advance) begin
        x_s2 <= x;
        a_s2 <= a;
        binade_s2 <= binade[2:1];
        segment_s2 <= segment;
    end

    // Stage 2
    function [5:0] c0_of;
        input [4:0] i;
        case (i)
            5'd0: c0_of = 6'd63;
            5'd1: c0_of = 6'd61;
            5'd2: c0_of = 6'd60;
            5'd3: c0_of = 6'd58;
            5'd4: c0_of = 6'd57;
            5'd5: c0_of = 6'd55;
            5'd6: c0_of = 6'd54;
            5'd7: c0_of = 6'd53;
            5'd8: c0_of = 6'd52;
            5'd9: c0_of = 6'd51;
            5'd10: c0_of = 6'd50;
            5'd11: c0_of = 6'd49;
            5'd12: c0_of = 6'd48;
            5'd13: c0_of = 6'd47;
            5'd14: c0_of = 6'd46;
            5'd15: c0_of = 6'd46;
            5'd16: c0_of = 6'd45;
            5'd17: c0_of = 6'd43;
            5'd18: c0_of = 6'd42;
            5'd19: c0_of = 6'd41;
            5'd20: c0_of = 6'd40;
            5'd21: c0_of = 6'd39;
            5'd22: c0_of = 6'd38;
            5'd23: c0_of = 6'd37;
            5'd24: c0_of = 6'd37;
            5'd25: c0_of = 6'd36;
            5'd26: c0_of = 6'd35;
            5'd27: c0_of = 6'd35;
            5'd28: c0_of = 6'd34;
            5'd29: c0_of = 6'd33;
            5'd30: c0_of = 6'd33;
            default: c0_of = 6'd32;
        endcase
    endfunction
    wire [5:0] c0 = c0_of(segment_s2); // constant coefficient
    wire [9:0] product_10 =
        ({10{c0[0]}} & {6'd0, a_s2[6:3]})
        + ({10{c0[1]}} & {5'd0, a_s2[6:2]})
        + ({10{c0[2]}} & {4'd0, a_s2[6:1]})
        + ({10{c0[3]}} & {3'd0, a_s2})
        + ({10{c0[4]}} & {2'd0, a_s2, 1'd0})
        + ({10{c0[5]}} & {1'd0, a_s2, 2'd0});
    wire [9:0] product = product_10 + 10'd1; // input times inverse root
    wire [1:0] half_binade_s2 = binade_s2;
    wire [9:0] shifted_12 = product >> half_binade_s2;
    wire signed [10:0] minus = ~{1'd0, shifted_12}; // -v but for the last bit
    wire signed [10:0] sum_14 = minus + 11'd4;
    wire neg_s2 = x_s2[7]; // x < 0
    wire signed [7:0] y_rounded = neg_s2 ? sum_14[10:3] : x_s2; // rounded and within the format
    reg signed [7:0] y_rounded_out;
    always @(posedge clk) if (advance) begin
        y_rounded_out <= y_rounded;
    end

    assign y = y_rounded_out;
endmodule
// verilator lint_on UNUSED
`default_nettype wire
