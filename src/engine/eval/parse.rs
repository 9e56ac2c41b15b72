//! What does the user's text mean, as an expression? Text in, tree out.
//!
//! A hand-written Pratt parser of Go expressions (Go specification, "Expressions"). What is
//! wrong is said in the words of `go/parser`, which users of Delve know:
//! `1:4: expected operand, found 'EOF'`. The first error ends the parse.

mod types;

use crate::engine::error::{Error, Result};
use crate::engine::eval::expr::{Element, Expr, ExprKind, Literal, Op, TypeExpr};
use crate::engine::eval::lex::{Lexer, SyntaxError, Token};

/// The longest expression that is looked at, in bytes.
const TEXT_LEN_MAX: usize = 64 << 10;
/// How deep expressions may nest. The evaluator recurses over the tree, so this is what
/// keeps a line of ten thousand parentheses from overflowing the stack.
const DEPTH_MAX: u32 = 100;

/// Parses one expression, all of `text`.
pub(crate) fn parse_expr(text: &str) -> Result<Expr> {
    parse(text).map_err(|e| Error::message(e.message(text)))
}

/// Splits `x = y` into its sides; `None` if `text` is not of that form.
pub fn split_assignment(text: &str) -> Option<(&str, &str)> {
    let error = parse(text).err()?;
    if error.text != "expected '==', found '='" {
        return None;
    }
    Some((text.get(..error.at)?, text.get(error.at + 1..)?))
}

fn parse(text: &str) -> Parsed {
    if text.len() > TEXT_LEN_MAX {
        let text = format!("the expression is longer than {TEXT_LEN_MAX} bytes");
        return Err(SyntaxError { at: 0, text });
    }
    let mut parser =
        Parser { lexer: Lexer::new(text), at: 0, token: Token::End, depth: 0 };
    parser.advance()?;
    let e = parser.expr()?;
    if parser.token == Token::Newline {
        parser.advance()?;
    }
    match parser.token {
        Token::End => Ok(e),
        _ => Err(parser.expected("'EOF'")),
    }
}

type Parsed = std::result::Result<Expr, SyntaxError>;
type Done = std::result::Result<(), SyntaxError>;

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Where the current token starts.
    at: usize,
    token: Token,
    depth: u32,
}

impl Parser<'_> {
    fn advance(&mut self) -> Done {
        (self.at, self.token) = self.lexer.next()?;
        Ok(())
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let text = format!("expected {what}, found {}", self.token.found());
        SyntaxError { at: self.at, text }
    }

    fn expect(&mut self, sign: &'static str) -> Done {
        if !self.token.is(sign) {
            return Err(self.expected(&format!("'{sign}'")));
        }
        self.advance()
    }

    /// The end of a list: like `expect`, with the hint Go gives for a list that ends in a
    /// line without a comma.
    fn expect_closing(&mut self, sign: &'static str, list: &str) -> Done {
        let missing = match self.token {
            Token::Newline => "missing ',' before newline in",
            Token::Sign(it) if it == sign => return self.advance(),
            Token::End => return self.expect(sign),
            _ => "missing ',' in",
        };
        Err(SyntaxError { at: self.at, text: format!("{missing} {list}") })
    }

    fn node(at: usize, kind: ExprKind) -> Expr {
        Expr { kind, at: u32::try_from(at).unwrap_or(u32::MAX) }
    }

    fn expr(&mut self) -> Parsed {
        self.binary(1)
    }

    fn deeper(&mut self, levels: u32) -> Done {
        self.depth += levels;
        if self.depth > DEPTH_MAX {
            let text =
                format!("the expression nests deeper than {DEPTH_MAX} levels here");
            return Err(SyntaxError { at: self.at, text });
        }
        Ok(())
    }

    fn binary(&mut self, weakest: u8) -> Parsed {
        self.deeper(1)?;
        let outer = self.depth;
        let mut x = self.unary()?;
        loop {
            if self.token.is("=") && weakest <= 3 {
                // Go's parser takes it for a mistyped `==`.
                return Err(self.expected("'=='"));
            }
            let Some(op) = self.operator() else { break };
            if op.precedence() < weakest {
                break;
            }
            self.advance()?;
            // The left side is one level deeper with each operator of a chain.
            self.deeper(1)?;
            let y = self.binary(op.precedence() + 1)?;
            let at = x.at as usize;
            x = Self::node(at, ExprKind::Binary(op, Box::new(x), Box::new(y)));
        }
        self.depth = outer - 1;
        Ok(x)
    }

    fn operator(&self) -> Option<Op> {
        let Token::Sign(sign) = self.token else { return None };
        Some(match sign {
            "||" => Op::LOr,
            "&&" => Op::LAnd,
            "==" => Op::Eq,
            "!=" => Op::Ne,
            "<" => Op::Lt,
            "<=" => Op::Le,
            ">" => Op::Gt,
            ">=" => Op::Ge,
            "+" => Op::Add,
            "-" => Op::Sub,
            "|" => Op::Or,
            "^" => Op::Xor,
            "*" => Op::Mul,
            "/" => Op::Div,
            "%" => Op::Rem,
            "<<" => Op::Shl,
            ">>" => Op::Shr,
            "&" => Op::And,
            "&^" => Op::AndNot,
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at;
        let Token::Sign(sign) = self.token else { return self.primary() };
        let sign = match sign {
            "+" | "-" | "!" | "^" | "&" | "~" | "<-" | "*" => sign,
            _ => return self.primary(),
        };
        self.deeper(1)?;
        self.advance()?;
        if sign == "<-" && self.token == Token::Keyword("chan") {
            self.advance()?;
            let elem = Box::new(self.type_expr()?);
            self.depth -= 1;
            return Ok(Self::node(at, ExprKind::Type(TypeExpr::Chan("<-chan", elem))));
        }
        let x = Box::new(self.unary()?);
        self.depth -= 1;
        let kind = match sign {
            "*" => ExprKind::Star(x),
            _ => ExprKind::Unary(sign, x),
        };
        Ok(Self::node(at, kind))
    }

    fn primary(&mut self) -> Parsed {
        let outer = self.depth;
        let mut x = self.operand()?;
        loop {
            let at = x.at as usize;
            let kind = match self.token {
                Token::Sign(".") => self.selector(x)?,
                Token::Sign("[") => self.index(x)?,
                Token::Sign("(") => {
                    let args = self.arguments()?;
                    ExprKind::Call(Box::new(x), args)
                }
                Token::Sign("{") if is_type_name(&x) => {
                    let elements = self.elements()?;
                    ExprKind::Composite(Some(Box::new(x)), elements)
                }
                _ => break,
            };
            self.deeper(1)?;
            x = Self::node(at, kind);
        }
        self.depth = outer;
        Ok(x)
    }

    fn selector(&mut self, x: Expr) -> std::result::Result<ExprKind, SyntaxError> {
        self.advance()?;
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Ident(name) => {
                self.advance()?;
                Ok(ExprKind::Selector(Box::new(x), name))
            }
            Token::Sign("(") => {
                self.advance()?;
                let ty = match self.token {
                    Token::Keyword("type") => {
                        self.advance()?;
                        None
                    }
                    _ => Some(Box::new(self.type_expr()?)),
                };
                self.expect(")")?;
                Ok(ExprKind::Assert(Box::new(x), ty))
            }
            other => {
                self.token = other;
                Err(self.expected("selector or type assertion"))
            }
        }
    }

    fn index(&mut self, x: Expr) -> std::result::Result<ExprKind, SyntaxError> {
        self.advance()?;
        if self.token.is("]") {
            return Err(self.expected("operand"));
        }
        let mut bounds = [None, None, None];
        let mut n_colons = 0;
        let mut colons_at = [0; 2];
        if !self.token.is(":") {
            let first = self.type_or_expr()?;
            if self.token.is(",") {
                return self.more_indices(x, first);
            }
            bounds[0] = Some(Box::new(first));
        }
        while self.token.is(":") && n_colons < 2 {
            colons_at[n_colons] = self.at;
            n_colons += 1;
            self.advance()?;
            if !matches!(self.token, Token::Sign(":" | "]") | Token::End) {
                bounds[n_colons] = Some(Box::new(self.expr()?));
            }
        }
        self.expect("]")?;
        let [low, high, max] = bounds;
        match (n_colons, low, high, max) {
            (0, Some(index), ..) => Ok(ExprKind::Index(Box::new(x), vec![*index])),
            (1, low, high, _) => Ok(ExprKind::Slice(Box::new(x), low, high)),
            (_, _, Some(_), Some(_)) => Ok(ExprKind::Slice3(Box::new(x))),
            (_, _, high, _) => {
                let (at, which) = match high {
                    None => (colons_at[0], "middle"),
                    Some(_) => (colons_at[1], "final"),
                };
                let text = format!("{which} index required in 3-index slice");
                Err(SyntaxError { at, text })
            }
        }
    }

    /// `x[A, B]`: type arguments.
    fn more_indices(
        &mut self,
        x: Expr,
        first: Expr,
    ) -> std::result::Result<ExprKind, SyntaxError> {
        let mut all = vec![first];
        while self.token.is(",") {
            self.advance()?;
            if self.token.is("]") {
                break;
            }
            all.push(self.type_expr()?);
        }
        self.expect_closing("]", "type argument list")?;
        Ok(ExprKind::Index(Box::new(x), all))
    }

    fn arguments(&mut self) -> std::result::Result<Vec<Expr>, SyntaxError> {
        self.advance()?;
        let mut args = Vec::new();
        while !matches!(self.token, Token::Sign(")") | Token::End) {
            args.push(self.type_or_expr()?);
            if self.token.is("...") {
                self.advance()?;
            }
            if !self.token.is(",") {
                break;
            }
            self.advance()?;
        }
        self.expect_closing(")", "argument list")?;
        Ok(args)
    }

    fn operand(&mut self) -> Parsed {
        let at = self.at;
        match std::mem::replace(&mut self.token, Token::End) {
            Token::Ident(name) => {
                self.advance()?;
                Ok(Self::node(at, ExprKind::Ident(name)))
            }
            Token::Literal(value, text) => {
                self.advance()?;
                Ok(Self::node(at, ExprKind::Literal(value, text)))
            }
            Token::Sign("(") => {
                self.deeper(1)?;
                self.advance()?;
                let inner = self.type_or_expr()?;
                self.expect(")")?;
                self.depth -= 1;
                Ok(Self::node(at, ExprKind::Paren(Box::new(inner))))
            }
            other => {
                self.token = other;
                match self.starts_type() {
                    true => self.type_expr(),
                    false => Err(self.expected("operand")),
                }
            }
        }
    }

    /// Whether the token begins a type that no expression begins with.
    fn starts_type(&self) -> bool {
        matches!(
            self.token,
            Token::Sign("[")
                | Token::Keyword("struct" | "map" | "chan" | "interface" | "func")
        )
    }

    fn type_or_expr(&mut self) -> Parsed {
        self.expr()
    }

    /// `{a, X: b}`: what a composite literal consists of.
    fn elements(&mut self) -> std::result::Result<Vec<Element>, SyntaxError> {
        self.deeper(1)?;
        self.expect("{")?;
        let mut elements = Vec::new();
        while !matches!(self.token, Token::Sign("}") | Token::End) {
            let mut element = Element { key: None, value: self.element()? };
            if self.token.is(":") {
                self.advance()?;
                let value = self.element()?;
                element = Element { key: Some(element.value), value };
            }
            elements.push(element);
            if !self.token.is(",") {
                break;
            }
            self.advance()?;
        }
        self.expect_closing("}", "composite literal")?;
        self.depth -= 1;
        Ok(elements)
    }

    fn element(&mut self) -> Parsed {
        if self.token.is("{") {
            let at = self.at;
            let elements = self.elements()?;
            return Ok(Self::node(at, ExprKind::Composite(None, elements)));
        }
        self.expr()
    }

    fn skip_braces(&mut self) -> Done {
        let mut open = 0u32;
        loop {
            match self.token {
                Token::Sign("{") => open += 1,
                Token::Sign("}") => open -= 1,
                Token::End => return Err(self.expected("'}'")),
                _ => {}
            }
            self.advance()?;
            if open == 0 {
                return Ok(());
            }
        }
    }
}

/// Whether a brace after `x` opens a composite literal.
fn is_type_name(x: &Expr) -> bool {
    match &x.kind {
        ExprKind::Ident(_) | ExprKind::Type(_) => true,
        ExprKind::Selector(x, _) => {
            matches!(
                x.kind,
                ExprKind::Ident(_) | ExprKind::Literal(Literal::String(_), _)
            )
        }
        ExprKind::Index(x, _) => is_type_name(x),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_come_back_as_gofmt_writes_them() {
        // What `go/printer` of Go 1.26 makes of them.
        let cases = [
            ("i==5", "i == 5"),
            ("a+b*c", "a + b*c"),
            ("a +b* c== 3&&d", "a+b*c == 3 && d"),
            ("s[i+1:]", "s[i+1:]"),
            ("s[i+1:j]", "s[i+1 : j]"),
            ("s[a:b+1]", "s[a : b+1]"),
            ("m[ \"k\" ]", "m[\"k\"]"),
            ("f(a,b+1)", "f(a, b+1)"),
            ("f(a+1)", "f(a + 1)"),
            ("((a))", "(a)"),
            ("a&^b", "a &^ b"),
            ("a*b+c*d", "a*b + c*d"),
            ("(a+b)*c", "(a + b) * c"),
            ("a[i+1]", "a[i+1]"),
            ("a[i+b*c]", "a[i+b*c]"),
            ("f(a*b+c, d)", "f(a*b+c, d)"),
            ("a<<1+2", "a<<1 + 2"),
            ("a - -b", "a - -b"),
            ("a/ *p", "a / *p"),
            ("a&&b||c", "a && b || c"),
            ("a==b+c", "a == b+c"),
            ("chan<- int(x)", "chan<- int(x)"),
            ("main.Pair[int,string](x)", "main.Pair[int, string](x)"),
            ("x.f(a)(b)", "x.f(a)(b)"),
            ("*p+1", "*p + 1"),
            ("-a*b", "-a * b"),
            ("a.b[c.d+1]", "a.b[c.d+1]"),
            ("a+b+c*d", "a + b + c*d"),
            ("a*b*c+d", "a*b*c + d"),
            ("x+y==z*w", "x+y == z*w"),
            ("s[:]", "s[:]"),
            ("s[1:2]", "s[1:2]"),
            ("s[a.b:c]", "s[a.b:c]"),
            ("(a+b)", "(a + b)"),
            ("(a*b+c)", "(a*b + c)"),
            ("f((a+b)*c)", "f((a + b) * c)"),
            ("a + b*f(c+d*e)", "a + b*f(c+d*e)"),
            ("!(a==b)", "!(a == b)"),
            ("a[b][c+1]", "a[b][c+1]"),
            ("a<b", "a < b"),
            ("a<b+1", "a < b+1"),
            ("(x == 1) && (y*2+1 == 3)", "(x == 1) && (y*2+1 == 3)"),
            ("-(-x)", "-(-x)"),
            ("- -x", "- -x"),
            ("+ +x", "+ +x"),
            ("&x.y", "&x.y"),
            ("!!x", "!!x"),
            ("^x&y", "^x & y"),
            ("(*T)(0x10)", "(*T)(0x10)"),
            ("*(*\"a/b.T\")(0xc000)", "*(*\"a/b.T\")(0xc000)"),
            ("x.(*main.Circle)", "x.(*main.Circle)"),
            ("[]byte(\"x\")", "[]byte(\"x\")"),
            ("map[string] int(x)", "map[string]int(x)"),
            ("struct{A int;B string}(x)", "struct { A int; B string }(x)"),
            ("interface{}(x)", "interface {}(x)"),
            (
                "struct{A []int;B[2]bool; c.D[int]; *E;f func(int)(a,b)\n}(x)",
                "struct { A []int; B [2]bool; c.D[int]; *E; f func(int) (a, b) }(x)",
            ),
            (
                "interface { M(int, ...T) error; n() }(x)",
                "interface { M(int, ...T) error; n() }(x)",
            ),
            ("delve.bphitcount[1]>=2", "delve.bphitcount[1] >= 2"),
            ("a /* no */ + b // yes", "a + b"),
        ];
        for (text, printed) in cases {
            match parse_expr(text) {
                Ok(tree) => assert_eq!(tree.text(), printed, "{text}"),
                Err(error) => panic!("{text}: {error}"),
            }
        }
    }

    #[test]
    fn mistakes_are_told_in_the_words_of_go_parser() {
        // What `go/parser` of Go 1.26 says of them.
        let cases = [
            ("", "1:1: expected operand, found 'EOF'"),
            ("1 +", "1:4: expected operand, found 'EOF'"),
            ("1 + ", "1:5: expected operand, found 'EOF'"),
            ("x.y.z(", "1:7: expected ')', found 'EOF'"),
            ("x.", "1:3: expected selector or type assertion, found 'EOF'"),
            ("x = 1", "1:3: expected '==', found '='"),
            ("a b", "1:3: expected 'EOF', found b"),
            ("(a", "1:3: expected ')', found newline"),
            ("a[]", "1:3: expected operand, found ']'"),
            ("\"abc", "1:1: string literal not terminated"),
            ("'ab'", "1:1: illegal rune literal"),
            ("a $ b", "1:3: illegal character U+0024 '$'"),
            ("a +\n  *", "2:4: expected operand, found 'EOF'"),
            ("0x", "1:3: hexadecimal literal has no digits"),
            ("089", "1:2: invalid digit '8' in octal literal"),
            ("s[1:2:]", "1:6: final index required in 3-index slice"),
            ("s[1::2]", "1:4: middle index required in 3-index slice"),
            ("range", "1:1: expected operand, found 'range'"),
            ("a[1", "1:4: expected ']', found newline"),
            ("f(a b)", "1:5: missing ',' in argument list"),
            ("a[1 2]", "1:5: expected ']', found 2"),
            ("x.(", "1:4: expected type, found 'EOF'"),
            ("\"a\\q\"", "1:4: unknown escape sequence"),
            ("'", "1:1: rune literal not terminated"),
            ("''", "1:1: illegal rune literal"),
            ("a.1", "1:2: expected 'EOF', found .1"),
            ("1.2.3", "1:4: expected 'EOF', found .3"),
            ("a ? b", "1:3: illegal character U+003F '?'"),
            ("@", "1:1: illegal character U+0040 '@'"),
            ("#x", "1:1: illegal character U+0023 '#'"),
            ("a;b", "1:2: expected 'EOF', found ';'"),
            ("a\nb", "2:1: expected 'EOF', found b"),
            ("[3]", "1:4: expected type, found newline"),
            ("[]", "1:3: expected type, found newline"),
            ("map[", "1:5: expected type, found 'EOF'"),
            ("1_", "1:2: '_' must separate successive digits"),
            ("0b2", "1:3: invalid digit '2' in binary literal"),
            ("0o9", "1:3: invalid digit '9' in octal literal"),
            ("a..b", "1:3: expected selector or type assertion, found '.'"),
            ("f(,)", "1:3: expected operand, found ','"),
            ("a,b", "1:2: expected 'EOF', found ','"),
            ("`abc", "1:1: raw string literal not terminated"),
            ("{", "1:1: expected operand, found '{'"),
            ("}", "1:1: expected operand, found '}'"),
            ("a{", "1:3: expected '}', found 'EOF'"),
            ("!", "1:2: expected operand, found 'EOF'"),
            ("a++", "1:2: expected 'EOF', found '++'"),
            ("a := 1", "1:3: expected 'EOF', found ':='"),
            ("&", "1:2: expected operand, found 'EOF'"),
            ("*", "1:2: expected operand, found 'EOF'"),
            ("0x1.5", "1:6: hexadecimal mantissa requires a 'p' exponent"),
            ("1e", "1:3: exponent has no digits"),
        ];
        for (text, message) in cases {
            let error = parse_expr(text).expect_err(text);
            assert_eq!(error.to_string(), message, "{text}");
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        for part in ["(", "- ", "*", "a[", "f(", "[]", "1+(", "a.(", "!", "chan "] {
            let text = part.repeat(10_000);
            let error = parse_expr(&text).expect_err(part).to_string();
            assert!(error.contains("nests deeper"), "{part}: {error}");
        }
        let chain = vec!["1"; 20_000].join("+");
        let error = parse_expr(&chain).expect_err("chain").to_string();
        assert!(error.contains("nests deeper"), "{error}");
        let long = "a".repeat(TEXT_LEN_MAX + 1);
        assert!(parse_expr(&long).is_err());
    }

    #[test]
    fn an_assignment_is_split_at_its_sign() {
        assert_eq!(split_assignment("x = 1"), Some(("x ", " 1")));
        assert_eq!(split_assignment("m[\"=\"] = y"), Some(("m[\"=\"] ", " y")));
        assert_eq!(split_assignment("x == 1"), None);
        assert_eq!(split_assignment("x"), None);
    }

    #[test]
    fn literals_have_their_values() {
        let cases = [
            ("0755", Literal::Int(0o755)),
            ("0b101", Literal::Int(5)),
            ("1_000", Literal::Int(1000)),
            ("'\\n'", Literal::Int(10)),
            ("'世'", Literal::Int(0x4e16)),
            ("'\\xff'", Literal::Int(0xff)),
            ("1.5e2", Literal::Float(150.0)),
            ("0x1p4", Literal::Float(16.0)),
            ("2i", Literal::Imaginary(2.0)),
            ("\"a\\tb\\u00e9\\xff\"", Literal::String(b"a\tb\xc3\xa9\xff".to_vec())),
            ("`a\\n`", Literal::String(b"a\\n".to_vec())),
        ];
        for (text, value) in cases {
            match parse_expr(text).map(|it| it.kind) {
                Ok(ExprKind::Literal(found, _)) => assert_eq!(found, value, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
