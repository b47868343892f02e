// A multiply-accumulate unit: acc = bias + sum of (x + input_offset) * (w + filter_offset), one tap a clock.
module qref_mac (
    input  logic               clk,
    input  logic               start,  // acc becomes the bias
    input  logic               valid,  // (x, w) is a tap
    input  logic signed [15:0] x,
    input  logic signed [15:0] w,
    input  logic signed [16:0] input_offset,
    input  logic signed [16:0] filter_offset,
    input  logic signed [63:0] bias,
    output logic signed [63:0] acc
);
    logic signed [17:0] offset_x, offset_w;
    logic signed [35:0] product;
    assign offset_x = x + input_offset;
    assign offset_w = w + filter_offset;
    assign product  = offset_x * offset_w;

    always_ff @(posedge clk) begin
        if (start) acc <= bias;
        else if (valid) acc <= acc + 64'(product);
    end
endmodule
