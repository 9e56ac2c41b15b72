//! What type do these words mean? The part of the grammar that is about types.

use super::{Done, Parsed, Parser, SyntaxError};
use crate::engine::eval::expr::{ExprKind, Literal, TypeExpr};
use crate::engine::eval::lex::Token;

impl Parser<'_> {
    pub(super) fn type_expr(&mut self) -> Parsed {
        let at = self.at;
        self.deeper(1)?;
        let outer = self.depth;
        let kind = match self.token {
            Token::Sign("*") => {
                self.advance()?;
                ExprKind::Star(Box::new(self.type_expr()?))
            }
            Token::Sign("[") => ExprKind::Type(self.array_type()?),
            Token::Keyword("map") => {
                self.advance()?;
                self.expect("[")?;
                let key = Box::new(self.type_expr()?);
                self.expect("]")?;
                ExprKind::Type(TypeExpr::Map(key, Box::new(self.type_expr()?)))
            }
            Token::Keyword("chan") | Token::Sign("<-") => self.chan_type()?,
            Token::Keyword("func") => self.func_type()?,
            Token::Keyword(word @ ("struct" | "interface")) => {
                self.advance()?;
                ExprKind::Type(TypeExpr::Text(self.braced_type(word)?))
            }
            Token::Ident(_) | Token::Literal(..) | Token::Sign("(") => {
                // What follows it belongs to the expression around it.
                let named = self.type_name()?;
                self.depth = outer - 1;
                return Ok(named);
            }
            _ => return Err(self.expected("type")),
        };
        self.depth = outer - 1;
        Ok(Self::node(at, kind))
    }

    /// `T`, `pkg.T`, `"path/pkg".T`, `T[A, B]`, `(T)`.
    fn type_name(&mut self) -> Parsed {
        let mut x = self.operand()?;
        if self.token.is(".") {
            let at = x.at as usize;
            x = Self::node(at, self.selector(x)?);
        }
        let is_name = matches!(x.kind, ExprKind::Ident(_) | ExprKind::Selector(..));
        if is_name && self.token.is("[") {
            let at = x.at as usize;
            x = Self::node(at, self.index(x)?);
        }
        Ok(x)
    }

    fn array_type(&mut self) -> std::result::Result<TypeExpr, SyntaxError> {
        self.advance()?;
        if self.token.is("]") {
            self.advance()?;
            return Ok(TypeExpr::Slice(Box::new(self.type_expr()?)));
        }
        let len = Box::new(self.expr()?);
        self.expect("]")?;
        Ok(TypeExpr::Array(len, Box::new(self.type_expr()?)))
    }

    fn chan_type(&mut self) -> std::result::Result<ExprKind, SyntaxError> {
        let receive_only = self.token.is("<-");
        if receive_only {
            self.advance()?;
            if self.token != Token::Keyword("chan") {
                return Err(self.expected("'chan'"));
            }
        }
        self.advance()?;
        let send_only = !receive_only && self.token.is("<-");
        if send_only {
            self.advance()?;
        }
        let word = match (receive_only, send_only) {
            (true, _) => "<-chan",
            (_, true) => "chan<-",
            _ => "chan",
        };
        Ok(ExprKind::Type(TypeExpr::Chan(word, Box::new(self.type_expr()?))))
    }

    /// `func(int, string) (bool, error)`, spelled as DWARF does.
    fn func_type(&mut self) -> std::result::Result<ExprKind, SyntaxError> {
        self.advance()?;
        let mut text = String::from("func(");
        self.signature(&mut text)?;
        if self.token.is("{") {
            self.skip_braces()?;
            return Ok(ExprKind::FuncLit);
        }
        Ok(ExprKind::Type(TypeExpr::Text(text)))
    }

    fn signature(&mut self, text: &mut String) -> Done {
        self.type_list(text)?;
        if self.token.is("(") {
            text.push_str(" (");
            self.type_list(text)?;
        } else if self.starts_type()
            || matches!(self.token, Token::Ident(_) | Token::Sign("*" | "<-"))
        {
            text.push(' ');
            text.push_str(&self.type_expr()?.text());
        }
        Ok(())
    }

    fn type_list(&mut self, out: &mut String) -> Done {
        self.expect("(")?;
        let mut first = true;
        while !matches!(self.token, Token::Sign(")") | Token::End) {
            if !std::mem::take(&mut first) {
                out.push_str(", ");
            }
            if self.token.is("...") {
                self.advance()?;
                out.push_str("...");
            }
            out.push_str(&self.type_expr()?.text());
            if !self.token.is(",") {
                break;
            }
            self.advance()?;
        }
        self.expect_closing(")", "parameter list")?;
        out.push(')');
        Ok(())
    }

    /// The body of a struct or interface type, spelled as DWARF does:
    /// `struct { A int; B string }`.
    pub(super) fn braced_type(
        &mut self,
        word: &str,
    ) -> std::result::Result<String, SyntaxError> {
        let mut text = format!("{word} {{");
        self.expect("{")?;
        let mut first = true;
        while !matches!(self.token, Token::Sign("}") | Token::End) {
            text.push_str(if std::mem::take(&mut first) { " " } else { "; " });
            text.push_str(&self.field_text()?);
            if matches!(self.token, Token::Sign(";") | Token::Newline) {
                self.advance()?;
            } else if !self.token.is("}") {
                return Err(self.expected("';'"));
            }
        }
        self.expect("}")?;
        text.push_str(if first { "}" } else { " }" });
        Ok(text)
    }

    /// A field, a method, or an embedded type.
    fn field_text(&mut self) -> std::result::Result<String, SyntaxError> {
        if self.token.is("*") {
            return Ok(self.type_expr()?.text());
        }
        let mut name = self.operand()?;
        if self.token.is(".") {
            name = Self::node(name.at as usize, self.selector(name)?);
        }
        let mut text = name.text();
        if self.token.is("(") {
            text.push('(');
            self.signature(&mut text)?;
        } else if self.token.is("[") {
            self.field_brackets(&mut text)?;
        } else if !self.ends_field() {
            text.push(' ');
            text.push_str(&self.type_expr()?.text());
        }
        if let Token::Literal(Literal::String(_), tag) = &self.token {
            text.push(' ');
            text.push_str(tag);
            self.advance()?;
        }
        Ok(text)
    }

    fn ends_field(&self) -> bool {
        matches!(
            self.token,
            Token::Sign("}" | ";") | Token::Newline | Token::End | Token::Literal(..)
        )
    }

    /// `F []T`, `F [2]T`, or the type arguments of an embedded type.
    fn field_brackets(&mut self, text: &mut String) -> Done {
        self.advance()?;
        let mut inside = Vec::new();
        while !self.token.is("]") {
            inside.push(self.type_or_expr()?.text());
            if !self.token.is(",") {
                break;
            }
            self.advance()?;
        }
        self.expect("]")?;
        let inside = inside.join(",");
        if self.ends_field() {
            text.push_str(&format!("[{inside}]"));
        } else {
            text.push_str(&format!(" [{inside}]{}", self.type_expr()?.text()));
        }
        Ok(())
    }
}
