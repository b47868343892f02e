// Brings an accumulator to the output: y = clamp(requantize(acc) + output_offset); without a clock.
//
//   rule                    multiplier, shift                        rounding
//   0 double_rounding       quantized_multiplier of 31 bits, shift   high half, ties up; then right, ties away from zero
//   1 half_up               the same                                 high half, ties up; then right, ties up
//   2 single_rounding       the same                                 once, ties up
//   3 single_rounding_64    the same, rounded to 15 bits here        once, ties up
//   4 float64_half_away     factor = multiplier * 2^shift, 53 bits   as a double product; to an integer, ties away from zero
//   5 float32_half_even     factor = multiplier * 2^shift, 24 bits   as a float product; to an integer, ties to even
//
// Floating point is done in integers: a float with P bits is an integer below 2^P and a power of two.
module qref_requantize #(
    parameter int ACC_BITS = 32
) (
    input  logic signed [63:0] acc,
    input  logic        [ 7:0] rule,
    input  logic signed [63:0] multiplier,
    input  logic signed [15:0] shift,
    input  logic signed [31:0] output_offset,
    input  logic signed [31:0] output_activation_min,
    input  logic signed [31:0] output_activation_max,
    output logic signed [15:0] y
);
    localparam int HIGHEST = 127;

    // The number of bits from the highest one down.
    function automatic int bit_length(input logic [127:0] v);
        bit_length = 0;
        for (int i = 0; i <= HIGHEST; i++) if (v[i]) bit_length = i + 1;
    endfunction

    // v / 2^n to nearest; ties away from zero, or to even.
    function automatic logic [127:0] round_shift(input logic [127:0] v, input int n, input logic to_even);
        logic [127:0] quotient, rest, half;
        if (n <= 0) round_shift = v;
        else if (n > HIGHEST) round_shift = 128'd0;
        else begin
            quotient = v >> n;
            rest     = v - (quotient << n);
            half     = 128'd1 << (n - 1);
            round_shift = quotient + 128'((rest > half) || ((rest == half) && (!to_even || quotient[0])));
        end
    endfunction

    // floor(v / 2^n + 1/2)
    function automatic logic signed [127:0] half_up(input logic signed [127:0] v, input int n);
        half_up = n == 0 ? v : (v + (128'sd1 <<< (n - 1))) >>> n;
    endfunction

    function automatic logic signed [31:0] fixed_point(input logic signed [63:0] a);
        logic signed [ 31:0] shifted;
        logic signed [127:0] product, high, scaled;
        logic signed [ 63:0] reduced, wrapped;
        int left, right;
        left    = shift > 0 ? (int'(shift) & 31) : 0;
        right   = shift < 0 ? -int'(shift) : 0;
        shifted = 32'(a[31:0] << left);
        product = 128'(shifted) * 128'(multiplier);
        high    = half_up(product, 31);
        if (high > 128'sd2147483647) high = 128'sd2147483647;
        scaled = high;
        case (rule)
            8'd0: begin
                if (high < 0) scaled = -$signed(round_shift($unsigned(-high), right, 1'b0));
                else scaled = $signed(round_shift($unsigned(high), right, 1'b0));
            end
            8'd1: scaled = half_up(high, right);
            8'd2: scaled = half_up(128'(a) * 128'(multiplier), 31 - int'(shift));
            default: begin
                reduced = (multiplier + 64'sd32768) >>> 16;
                if (reduced > 64'sd32767) reduced = 64'sd32767;
                right   = (15 - int'(shift)) & 63;
                wrapped = 64'(128'(a) * 128'(reduced) + (128'sd1 <<< ((14 - int'(shift)) & 63)));
                scaled  = 128'(wrapped >>> right);
            end
        endcase
        fixed_point = scaled[31:0];
    endfunction

    function automatic logic signed [31:0] floating_point(input logic signed [63:0] a);
        logic [127:0] magnitude, product;
        logic         negative, to_even;
        int           bits, exponent, excess;
        negative  = a < 0;
        to_even   = rule == 8'd5;
        bits      = to_even ? 24 : 53;
        magnitude = 128'($unsigned(negative ? -a : a));
        excess    = bit_length(magnitude) > bits ? bit_length(magnitude) - bits : 0;
        magnitude = round_shift(magnitude, excess, 1'b1);
        exponent  = int'(shift) + excess;
        product   = magnitude * 128'($unsigned(multiplier));
        excess    = bit_length(product) > bits ? bit_length(product) - bits : 0;
        product   = round_shift(product, excess, 1'b1);
        exponent  = exponent + excess;
        if (exponent < 0) product = round_shift(product, -exponent, to_even);
        else product = (exponent + bit_length(product) > HIGHEST) ? {1'b0, {127{product != 0}}} : product << exponent;
        if (to_even && product > 128'h4000_0000) product = 128'h4000_0000;
        if (!to_even && product > (negative ? 128'h8000_0000 : 128'h7fff_ffff)) floating_point = 32'sh8000_0000;
        else floating_point = negative ? -$signed(product[31:0]) : $signed(product[31:0]);
    endfunction

    logic signed [63:0] held;
    logic signed [31:0] scaled, with_offset, clamped;
    assign held        = ACC_BITS == 32 ? 64'($signed(acc[31:0])) : acc;
    assign scaled      = rule >= 8'd4 ? floating_point(held) : fixed_point(held);
    assign with_offset = scaled + output_offset;
    assign clamped     = with_offset < output_activation_min ? output_activation_min
                       : with_offset > output_activation_max ? output_activation_max : with_offset;
    assign y = clamped[15:0];
endmodule
