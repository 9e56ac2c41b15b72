//! Values, expressions and conditions of a real program, read through /proc.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};

use crate::engine::addr::{Addr, LoadBias};
use crate::engine::binary::Binary;
use crate::engine::eval::emit::{Emitter, Face, Plain, Sink, Text};
use crate::engine::eval::{Condition, EvalScope, LoadConfig, Trap, Variable, Write};
use crate::engine::golang::{Goroutine, Runtime, Stack, UnwindFrom, UnwindLimits};
use crate::engine::memory::{Fault, Memory, ReadPart};
use crate::engine::registers::Registers;

const PROGRAM: &str = r#"
package main

import (
	"fmt"
	"time"
	"unsafe"
)

type color uint8

const (
	red color = iota
	green
)

type inner struct {
	A int
	S string
}

type record struct {
	inner
	Name string
	Tags []string
	P    *inner
	Any  interface{}
}

type node struct {
	next *node
	self []interface{}
}

type shape interface{ area() float64 }

func (i *inner) area() float64 { return 1 }

type header struct {
	data     uintptr
	len, cap int
}

var packageInt = 42

func hold(argument int, text string) (result int) {
	i := -5
	u := uint8(200)
	f := 2.5
	hue := green
	records := make([]record, 10000)
	for n := range records {
		p := &inner{n, fmt.Sprint("p", n)}
		name, tags := fmt.Sprint("name", n), []string{"x", fmt.Sprint(n)}
		records[n] = record{inner{n, "in"}, name, tags, p, fmt.Sprint("any", n)}
	}
	few := records[3]
	pointer := &few
	var none *record
	numbers := map[string]int{}
	for n := 0; n < 5000; n++ {
		numbers[fmt.Sprint("key", n)] = n
	}
	var held shape = &inner{7, "held"}
	circle := &node{}
	circle.next = circle
	circle.self = []interface{}{1, 2}
	circle.self[0] = circle.self
	hugeSlice := []int{1}
	*(*header)(unsafe.Pointer(&hugeSlice)) = header{1 << 30, 1 << 50, 1 << 50}
	hugeString := "x"
	*(*header)(unsafe.Pointer(&struct{ s *string }{&hugeString})) = header{}
	(*[2]uintptr)(unsafe.Pointer(&hugeString))[1] = 1 << 50
	negative := []int{1}
	(*header)(unsafe.Pointer(&negative)).len = -1
	var wildInterface interface{} = 1
	(*[2]uintptr)(unsafe.Pointer(&wildInterface))[0] = 0x1234
	wildMap := map[int]int{1: 1}
	*(*uintptr)(unsafe.Pointer(&wildMap)) = 0x4321
	fmt.Println("ready")
	time.Sleep(time.Hour)
	fmt.Println(packageInt, i, u, f, hue, pointer, none, numbers, held, circle)
	fmt.Println(hugeSlice, hugeString, negative, wildInterface, wildMap)
	return 1
}

func main() { hold(7, "text") }
"#;

/// The memory of another process, which counts how often it is asked.
struct Peeked {
    file: File,
    n_calls: Cell<usize>,
}

impl Memory for Peeked {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        self.n_calls.set(self.n_calls.get() + 1);
        self.file.read_exact_at(buf, addr.0).map_err(|_| Fault { addr, len: buf.len() })
    }

    fn read_many(&self, parts: &mut [ReadPart<'_>]) {
        // One process_vm_readv takes 1024 places.
        self.n_calls.set(self.n_calls.get() + parts.len().div_ceil(1024));
        for part in parts {
            part.ok = self.file.read_exact_at(part.buf, part.addr.0).is_ok();
        }
    }
}

/// The program, held in `hold`.
struct Held {
    _child: Ended,
    runtime: Runtime,
    memory: Peeked,
    goroutine: Goroutine,
    stack: Stack,
    frame: usize,
}

/// A process that ends when the test does, however the test ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Held {
    fn start(name: &str) -> Held {
        let dir = std::env::temp_dir()
            .join("tinydbg-tests")
            .join(format!("eval-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("main.go"), PROGRAM).unwrap();
        let exe = dir.join("program");
        let built = Command::new("go")
            .args(["build", "-gcflags=all=-N -l", "-o"])
            .arg(&exe)
            .arg("main.go")
            .current_dir(&dir)
            .env("GO111MODULE", "off")
            .status()
            .unwrap();
        assert!(built.success());
        let mut child = Ended(Command::new(&exe).stdout(Stdio::piped()).spawn().unwrap());
        let binary = Binary::open(&exe).unwrap();
        let _ = std::fs::remove_dir_all(&dir);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let file = File::open(format!("/proc/{}/mem", child.0.id())).unwrap();
        let memory = Peeked { file, n_calls: Cell::new(0) };
        let runtime = Runtime::new(binary, LoadBias(0)).unwrap();
        // It said that it is ready just before it went to sleep.
        loop {
            let found = Self::find(&runtime, &memory);
            if let Some((goroutine, stack, frame)) = found {
                return Held { _child: child, runtime, memory, goroutine, stack, frame };
            }
        }
    }

    fn find(runtime: &Runtime, memory: &Peeked) -> Option<(Goroutine, Stack, usize)> {
        let table = runtime.goroutines(memory, &[]).ok()?;
        let main = table.by_id(1).filter(|it| it.is_waiting())?;
        let limits = UnwindLimits::frames(50);
        let stack = runtime.unwind(memory, &UnwindFrom::Saved(main), limits);
        let frame = stack.frames.iter().position(|it| {
            it.function.as_ref().is_some_and(|it| it.name == "main.hold")
        })?;
        Some((*main, stack, frame))
    }

    fn scope(&self) -> EvalScope<'_> {
        EvalScope {
            frames: &self.stack.frames,
            frame_index: self.frame,
            goroutine: Some(&self.goroutine),
            ..EvalScope::new(&self.runtime, &self.memory)
        }
    }

    fn text(&self, expression: &str) -> String {
        match self.scope().evaluate(expression, LoadConfig::FULL) {
            Ok(v) => show(&v),
            Err(error) => format!("error: {error}"),
        }
    }
}

/// A value as text, deep enough for tests.
fn show(v: &Variable) -> String {
    if let Some(why) = &v.unreadable {
        return format!("unreadable: {why}");
    }
    let children: Vec<String> = v
        .children()
        .iter()
        .map(|it| match it.name.is_empty() {
            true => show(it),
            false => format!("{}={}", it.name, show(it)),
        })
        .collect();
    let is_pointer = v.kind == crate::engine::eval::Kind::Pointer;
    match (is_pointer, v.value.is_empty(), children.is_empty()) {
        (true, ..) if v.value == "0" => "nil".into(),
        (true, ..) => format!("*{}", children.join(" ")),
        (_, _, true) => v.value.clone(),
        (_, true, _) => format!("{{{}}}", children.join(" ")),
        _ => format!("{} {{{}}}", v.value, children.join(" ")),
    }
}

fn count(v: &Variable) -> usize {
    1 + v.children().iter().map(count).sum::<usize>()
}

#[test]
fn expressions_have_their_values_in_a_frame_of_a_real_program() {
    let held = Held::start("values");
    let cases = [
        ("i", "-5"),
        ("argument + packageInt", "49"),
        ("text", "text"),
        ("u + 100", "44"),
        ("f * 2", "5"),
        ("hue", "green (1)"),
        ("hue == green && i < 0", "true"),
        ("few.Name", "name3"),
        ("few.S", "in"),
        ("pointer.A", "3"),
        ("pointer.P.S", "p3"),
        ("(*pointer).inner.A", "3"),
        ("pointer.Tags", "{x 3}"),
        ("records[9999].Name", "name9999"),
        ("records[9998:][1].A", "9999"),
        ("len(records)", "10000"),
        ("numbers[\"key4321\"]", "4321"),
        ("len(numbers)", "5000"),
        ("held.S", "held"),
        ("held.(*main.inner).A", "7"),
        ("few.Any", "{data=any3}"),
        ("*(*\"main.inner\")(uintptr(pointer))", "{A=3 S=in}"),
        ("[]byte(text)", "{116 101 120 116}"),
        ("runtime.curg.goid", "1"),
        ("none", "nil"),
        ("none == nil", "true"),
        ("none.Name", "error: none is nil"),
        ("nosuch", "error: could not find symbol value for nosuch"),
        ("numbers[\"nokey\"]", "error: key not found"),
        ("records[10000]", "error: index out of bounds"),
        ("hold(1, \"\")", "error: function calls not allowed without using 'call'"),
        (
            "1 << 1099511627776",
            "error: constant overflow: the value needs more than \
                                127 bits",
        ),
    ];
    for (expression, value) in cases {
        assert_eq!(held.text(expression), value, "{expression}");
    }
    let scope = held.scope();
    let names = |all: Vec<Variable>| -> Vec<String> {
        all.iter().map(|it| it.name.to_string()).collect()
    };
    let arguments = names(scope.arguments(LoadConfig::SHORT).unwrap());
    assert_eq!(arguments, ["argument", "text", "result"]);
    let locals = names(scope.locals(LoadConfig::SHORT).unwrap());
    assert_eq!(locals[..4], ["i", "u", "f", "hue"]);
}

#[test]
fn whatever_a_program_claims_loading_it_ends_soon_and_says_what_is_wrong() {
    let held = Held::start("hostile");
    let cases = [
        ("hugeString", "unreadable: invalid length: 1125899906842624"),
        ("negative", "unreadable: invalid slice: length -1, capacity 1"),
        ("wildInterface", "unreadable: invalid interface type at 0x1234"),
        ("wildMap", "unreadable: could not read 8 bytes at 0x4321"),
        ("*(*int)(0x10)", "unreadable: could not read 8 bytes at 0x10"),
    ];
    for (expression, value) in cases {
        assert_eq!(held.text(expression), value, "{expression}");
    }
    let greedy = LoadConfig {
        follow_pointers: true,
        recurse_max: 1 << 40,
        string_len_max: 1 << 40,
        array_values_max: 1 << 40,
        struct_fields_max: -1,
    };
    let scope = held.scope();
    for expression in ["circle", "circle.self", "records", "hugeSlice", "runtime.curg"] {
        let v = scope.evaluate(expression, greedy).unwrap();
        assert!(count(&v) < 400_000, "{expression}: {}", count(&v));
    }
}

#[test]
fn ten_thousand_structs_are_read_with_a_few_calls() {
    let held = Held::start("bulk");
    let config = LoadConfig { array_values_max: 10_000, ..LoadConfig::FULL };
    held.memory.n_calls.set(0);
    let v = held.scope().evaluate("records", config).unwrap();
    assert_eq!(v.children().len(), 10_000);
    assert_eq!(show(&v.children()[9_999].children()[1]), "name9999");
    let n = held.memory.n_calls.get();
    assert!(n < 300, "{n} calls for {} values", count(&v));
}

#[test]
fn a_compiled_condition_says_what_the_evaluator_says() {
    let held = Held::start("conditions");
    let scope = held.scope();
    let frame = scope.frame().unwrap();
    let binary = &held.runtime.image().binary;
    let pc = frame.lookup_pc;
    let delta = binary.sp_delta(LoadBias(0).stated(pc)).unwrap();
    let registers = Registers {
        rip: pc.0,
        rsp: frame.cfa.0 - 8 - delta,
        rbp: frame.bp.0,
        ..Registers::default()
    };
    // Whether it compiles, and what it says.
    let cases = [
        ("i == -5 && argument == 7", true, "Ok(true)"),
        ("i > 0 || text == \"text\"", true, "Ok(true)"),
        ("u + 100 == 44", true, "Ok(true)"),
        ("f > 2 && f < 2.75", true, "Ok(true)"),
        ("hue == green", true, "Ok(true)"),
        ("pointer.P.S == \"p3\"", true, "Ok(true)"),
        ("few.A == 3 && few.Tags[1] == \"3\"", true, "Ok(true)"),
        ("records[argument].Name != \"name7\"", true, "Ok(false)"),
        ("len(records) == 10000", true, "Ok(true)"),
        ("none == nil && held != nil", true, "Ok(true)"),
        ("packageInt == 42 && main.packageInt % 5 == 2", true, "Ok(true)"),
        ("runtime.curg.goid == 1", true, "Ok(true)"),
        ("records[i].A == 1", true, "index out of bounds"),
        ("delve.catch(none.A == 1)", true, "Ok(false)"),
        ("numbers[\"key7\"] == 7", false, "Ok(true)"),
        ("held.(*main.inner).A == 7", false, "Ok(true)"),
        ("i", false, "condition expression not boolean"),
        ("i == u", false, "mismatched types"),
    ];
    let goroutine_id = || Some(held.goroutine.id);
    let trap = Trap {
        registers: &registers,
        memory: &held.memory,
        thread_id: 0,
        goroutine_id: &goroutine_id,
        hit_counts: None,
    };
    for (text, compiles, expected) in cases {
        let condition = Condition::parse(text).unwrap();
        let said = |it: crate::engine::error::Result<bool>| match it {
            Ok(value) => format!("Ok({value})"),
            Err(error) => error.to_string(),
        };
        let general = said(condition.evaluate(&scope));
        assert!(general.contains(expected), "{text}: {general}");
        let compiled = condition.bind(&held.runtime, pc);
        assert_eq!(compiled.is_some(), compiles, "{text}");
        if let Some(compiled) = compiled {
            let fast = said(compiled.eval(&trap));
            assert!(fast.contains(expected), "{text}: {fast}");
        }
    }
}

#[test]
fn setting_a_variable_writes_the_bytes_of_its_type() {
    let held = Held::start("set");
    let scope = held.scope();
    let cases: [(&str, &str, &[u8]); 6] = [
        ("i", "300", &[0x2c, 1, 0, 0, 0, 0, 0, 0]),
        ("u", "300", &[0x2c]),
        ("f", "1", &1f64.to_le_bytes()),
        ("hue", "red", &[0]),
        ("none", "nil", &[0; 8]),
        ("few.Name", "\"\"", &[0; 16]),
    ];
    for (symbol, value, bytes) in cases {
        let writes = scope.set(symbol, value).unwrap();
        assert_eq!(writes.len(), 1);
        let Write::Memory { bytes: written, .. } = &writes[0] else {
            panic!("{symbol} is in memory");
        };
        assert_eq!(written, &bytes, "{symbol} = {value}");
    }
    let errors = [
        ("text", "\"new\"", "literal string can not be allocated"),
        ("i", "\"x\"", "can not convert \"x\" constant to int"),
        ("few", "held", "can not convert value of type main.shape to"),
        ("5", "6", "can not assign to 5"),
        ("i", "u", "can not convert value of type uint8 to int"),
    ];
    for (symbol, value, text) in errors {
        let error = scope.set(symbol, value).unwrap_err().to_string();
        assert!(error.contains(text), "{symbol} = {value}: {error}");
    }
}

/// Makes variables of what is handed on.
#[derive(Default)]
struct Rebuilt {
    open: Vec<Vec<Variable>>,
    roots: Vec<Variable>,
    n_plain: usize,
}

impl Rebuilt {
    fn take(&mut self, value: Variable) {
        self.open.last_mut().unwrap_or(&mut self.roots).push(value);
    }

    fn made(face: &Face, it: &Plain<'_>) -> Variable {
        Variable {
            name: face.name.clone(),
            type_name: face.type_name.clone(),
            real_type: face.real_type.clone(),
            kind: face.kind,
            flags: face.flags,
            location: face.location.clone(),
            decl_line: face.decl_line,
            addr: it.addr,
            value: match it.text {
                Text::Empty => String::new(),
                Text::Str(text) => text.to_owned(),
                Text::Int(number) => number.to_string(),
                Text::Uint(number) => number.to_string(),
            },
            len: it.len,
            cap: it.cap,
            base: it.base,
            ..Variable::empty()
        }
    }
}

impl Sink for Rebuilt {
    fn whole(&mut self, value: &Variable) {
        self.take(value.clone());
    }

    fn plain(&mut self, face: &Face, it: &Plain<'_>) {
        self.n_plain += 1;
        self.take(Rebuilt::made(face, it));
    }

    fn open(&mut self, _: &Face, _: &Plain<'_>) {
        self.open.push(Vec::new());
    }

    fn close(&mut self, face: &Face, it: &Plain<'_>) {
        let children = self.open.pop();
        self.take(Variable { children, ..Rebuilt::made(face, it) });
    }
}

#[test]
fn values_are_handed_on_as_they_would_be_loaded() {
    let held = Held::start("emit");
    let scope = held.scope();
    let full = LoadConfig::FULL;
    let configs = [
        LoadConfig { array_values_max: 3000, ..full },
        LoadConfig { recurse_max: 4, string_len_max: 3, ..full },
        LoadConfig { recurse_max: 0, ..full },
        LoadConfig { struct_fields_max: 2, array_values_max: 7, ..full },
        LoadConfig { follow_pointers: false, ..full },
        LoadConfig::SHORT,
        LoadConfig::SINGLE,
    ];
    for config in configs {
        let mut emitter = Emitter::new(config);
        let mut sink = Rebuilt::default();
        let request = scope.request();
        let found = scope.found(&request).unwrap();
        found.emit_arguments(&mut emitter, &mut sink);
        found.emit_locals(&mut emitter, &mut sink);
        let mut loaded = scope.arguments(config).unwrap();
        loaded.extend(scope.locals(config).unwrap());
        assert_eq!(sink.roots.len(), loaded.len());
        for (handed_on, loaded) in sink.roots.iter().zip(&loaded) {
            assert_same(handed_on, loaded, &format!("{config:?}: {}", loaded.name));
        }
        for expression in
            ["records[2:4]", "numbers", "few", "1 + 2", "&few", "packageInt"]
        {
            let mut sink = Rebuilt::default();
            scope.emit_value(expression, &mut Emitter::new(config), &mut sink).unwrap();
            let loaded = scope.evaluate(expression, config).unwrap();
            assert_same(&sink.roots[0], &loaded, &format!("{config:?}: {expression}"));
        }
    }
}

#[test]
fn most_values_of_a_large_answer_are_plain() {
    let held = Held::start("plain");
    let config = LoadConfig { array_values_max: 10_000, ..LoadConfig::FULL };
    let mut sink = Rebuilt::default();
    let scope = held.scope();
    scope.emit_value("numbers", &mut Emitter::new(config), &mut sink).unwrap();
    assert_eq!(sink.n_plain, 10_000, "5000 keys and 5000 elements");
}

/// All that the wire says of two values is the same.
#[track_caller]
fn assert_same(a: &Variable, b: &Variable, what: &str) {
    let head = |it: &Variable| {
        let bare = Variable { children: None, ty: None, ..it.clone() };
        format!("{bare:?}")
    };
    assert_eq!(head(a), head(b), "{what}");
    assert_eq!(a.children.is_some(), b.children.is_some(), "{what}");
    assert_eq!(a.children().len(), b.children().len(), "{what}");
    for (n, (a, b)) in a.children().iter().zip(b.children()).enumerate() {
        assert_same(a, b, &format!("{what}/{n}"));
    }
}
