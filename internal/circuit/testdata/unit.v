// x / sqrt(1 + x^2)
`default_nettype none
// Not all bits of sums and products are needed.
// verilator lint_off UNUSED
module unit (
    input  wire clk,
    input  wire rst,
    input  wire in_valid,
    output wire in_ready,
    input  wire signed [11:0] x,
    output wire out_valid,
    input  wire out_ready,
    output wire signed [9:0] y
);
    // valid[i] tells that the registers of rank i + 1 hold data.
    reg [2:0] valid;
    assign out_valid = valid[2];
    // All registers advance together, unless an output waits.
    wire advance = out_ready | ~valid[2];
    assign in_ready = advance;
    always @(posedge clk)
        if (rst) valid <= 3'd0;
        else if (advance) valid <= {valid[1:0], in_valid};

    // Stage 1
    wire [22:0] square = // x^2
        ({23{x[0]}} & {11'd0, x[10:1], 2'b01})
        + ({23{x[1]}} & {10'd0, x[10:2], 2'b01, 2'd0})
        + ({23{x[2]}} & {9'd0, x[10:3], 2'b01, 4'd0})
        + ({23{x[3]}} & {8'd0, x[10:4], 2'b01, 6'd0})
        + ({23{x[4]}} & {7'd0, x[10:5], 2'b01, 8'd0})
        + ({23{x[5]}} & {6'd0, x[10:6], 2'b01, 10'd0})
        + ({23{x[6]}} & {5'd0, x[10:7], 2'b01, 12'd0})
        + ({23{x[7]}} & {4'd0, x[10:8], 2'b01, 14'd0})
        + ({23{x[8]}} & {3'd0, x[10:9], 2'b01, 16'd0})
        + ({23{x[9]}} & {2'd0, x[10], 2'b01, 18'd0})
        + ({23{x[10]}} & {2'd0, 1'b1, 20'd0})
        + ({23{x[11]}} & {~x[10:0], 12'd0})
        + {x[11], 9'd0, x[11], 12'd0};
    wire [22:0] radicand = square + 23'd65536; // 1 + x^2, 16 bits behind the point
    wire [4:0] exponent = // of the radicand
        radicand[22] ? 5'd22 :
        radicand[21] ? 5'd21 :
        radicand[20] ? 5'd20 :
        radicand[19] ? 5'd19 :
        radicand[18] ? 5'd18 :
        radicand[17] ? 5'd17 :
        5'd16;
    wire [2:0] shift = 3'd6 - exponent[2:0];
    wire [28:0] shifted_5 = {6'd0, radicand} << shift;
    reg signed [11:0] x_s2;
    reg [2:0] shift_s2;
    reg [21:10] shifted_5_s2;
    always @(posedge clk) if (advance) begin
        x_s2 <= x;
        shift_s2 <= shift;
        shifted_5_s2 <= shifted_5[21:10];
    end

    // Stage 2
    wire [3:0] index_s2 = shifted_5_s2[21:18];
    function [12:0] start_of;
        input [3:0] i;
        case (i)
            4'd0: start_of = 13'd4096;
            4'd1: start_of = 13'd4021;
            4'd2: start_of = 13'd3946;
            4'd3: start_of = 13'd3871;
            4'd4: start_of = 13'd3796;
            4'd5: start_of = 13'd3721;
            4'd6: start_of = 13'd3646;
            4'd7: start_of = 13'd3571;
            4'd8: start_of = 13'd3496;
            4'd9: start_of = 13'd3421;
            4'd10: start_of = 13'd3346;
            4'd11: start_of = 13'd3271;
            4'd12: start_of = 13'd3196;
            4'd13: start_of = 13'd3121;
            4'd14: start_of = 13'd3046;
            default: start_of = 13'd2971;
        endcase
    endfunction
    wire [12:0] start = start_of(index_s2);
    function [6:0] slope_of;
        input [3:0] i;
        case (i)
            4'd0: slope_of = 7'd127;
            4'd1: slope_of = 7'd123;
            4'd2: slope_of = 7'd119;
            4'd3: slope_of = 7'd115;
            4'd4: slope_of = 7'd111;
            4'd5: slope_of = 7'd107;
            4'd6: slope_of = 7'd103;
            4'd7: slope_of = 7'd99;
            4'd8: slope_of = 7'd95;
            4'd9: slope_of = 7'd91;
            4'd10: slope_of = 7'd87;
            4'd11: slope_of = 7'd83;
            4'd12: slope_of = 7'd79;
            4'd13: slope_of = 7'd75;
            4'd14: slope_of = 7'd71;
            default: slope_of = 7'd67;
        endcase
    endfunction
    wire [6:0] slope = slope_of(index_s2);
    wire [7:0] rest_s2 = shifted_5_s2[17:10];
    wire [14:0] step_full = slope * rest_s2;
    wire [6:0] step = step_full[14:8];
    wire [12:0] root = start - {6'd0, step}; // 1 / sqrt(fraction)
    wire [19:0] product_10 =
        {7'd0, root}
        + {5'd0, root, 2'd0}
        + {root[11:0], 8'd0}
        - {3'd0, root, 4'd0}
        - {1'd0, root, 6'd0};
    wire [12:0] scaled = product_10[19:7]; // by sqrt(2)
    wire [12:0] selected_11 = shift_s2[0] ? root : scaled;
    reg signed [11:0] x_s3;
    reg [2:1] shift_s3;
    reg [12:0] selected_11_s3;
    always @(posedge clk) if (advance) begin
        x_s3 <= x_s2;
        shift_s3 <= shift_s2[2:1];
        selected_11_s3 <= selected_11;
    end

    // Stage 3
    wire signed [24:0] product_full = x_s3 * $signed({1'd0, selected_11_s3});
    wire [2:0] difference_13 = 3'd4 - {1'd0, shift_s3};
    wire signed [16:0] product = product_full[24:8];
    wire signed [16:0] shifted_14 = $signed(product) >>> difference_13;
    wire signed [15:0] sum_15 = shifted_14[15:0] + 16'd8;
    wire signed [11:0] at_most_16 = ($signed(sum_15[15:4]) < $signed(12'd256)) ? sum_15[15:4] : 12'd256;
    wire signed [9:0] at_least_17 = (at_most_16 > $signed(12'hf00)) ? at_most_16[9:0] : 10'h300;
    reg signed [9:0] at_least_17_out;
    always @(posedge clk) if (advance) begin
        at_least_17_out <= at_least_17;
    end

    assign y = at_least_17_out;
endmodule
// verilator lint_on UNUSED
`default_nettype wire
