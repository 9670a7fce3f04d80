/// JSON to text and back.
extension JSON {
    /// Levels of arrays and objects; the native client reads no more either.
    static let deepest = 128

    /// The value as JSON text, without white space. Numbers that JSON cannot hold are written as 0.
    public var text: String {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        write(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Reads JSON text.
    /// - Throws: ``JSONError/notJSON(offset:)``.
    public init(text: String) throws {
        self = try Array(text.utf8).withUnsafeBufferPointer { bytes in
            var reader = JSONReader(bytes: bytes)
            return try reader.document()
        }
    }

    func write(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): out.append(contentsOf: String(value).utf8)
        case .double(let value): out.append(contentsOf: (value.isFinite ? "\(value)" : "0").utf8)
        case .string(let value): JSON.write(value, to: &out)
        case .array(let items):
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                item.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            var first = true
            for (key, value) in members {
                if !first { out.append(UInt8(ascii: ",")) }
                first = false
                JSON.write(key, to: &out)
                out.append(UInt8(ascii: ":"))
                value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    static func write(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 0x0A: out.append(contentsOf: "\\n".utf8)
            case 0x0D: out.append(contentsOf: "\\r".utf8)
            case 0x09: out.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                let hex = String(byte, radix: 16)
                out.append(contentsOf: (byte < 16 ? "\\u000" : "\\u00").utf8)
                out.append(contentsOf: hex.utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

/// What cannot be JSON.
public enum JSONError: Error, Sendable, Equatable {
    /// The text stops being JSON here, counted in bytes.
    case notJSON(offset: Int)
    /// A value has no JSON form; where it is and what it is.
    case unsupported(path: String, type: String)
    /// A number that is not finite, where ``NonConformingNumberStrategy/throw`` was asked for.
    case notFinite(path: String)
}

/// A reader for the grammar of RFC 8259.
struct JSONReader {
    let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0
    private var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    mutating func document() throws -> JSON {
        let value = try value()
        blanks()
        guard at == bytes.count else { throw JSONError.notJSON(offset: at) }
        return value
    }

    private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func blanks() {
        while let next = byte, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { at += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) throws {
        blanks()
        guard byte == UInt8(ascii: character) else { throw JSONError.notJSON(offset: at) }
        at += 1
    }

    private mutating func word(_ word: String, _ value: JSON) throws -> JSON {
        let letters = word.utf8
        guard at + letters.count <= bytes.count, bytes[at..<at + letters.count].elementsEqual(letters) else {
            throw JSONError.notJSON(offset: at)
        }
        at += letters.count
        return value
    }

    private mutating func value() throws -> JSON {
        blanks()
        guard depth < JSON.deepest, let next = byte else { throw JSONError.notJSON(offset: at) }
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws -> JSON {
        var members: [String: JSON] = [:]
        depth += 1
        defer { depth -= 1 }
        try take("{")
        blanks()
        if byte == UInt8(ascii: "}") {
            at += 1
            return .object(members)
        }
        while true {
            blanks()
            let key = try string()
            try take(":")
            members[key] = try value()
            blanks()
            if byte == UInt8(ascii: ",") { at += 1 } else { break }
        }
        try take("}")
        return .object(members)
    }

    private mutating func array() throws -> JSON {
        var items: [JSON] = []
        depth += 1
        defer { depth -= 1 }
        try take("[")
        blanks()
        if byte == UInt8(ascii: "]") {
            at += 1
            return .array(items)
        }
        while true {
            items.append(try value())
            blanks()
            if byte == UInt8(ascii: ",") { at += 1 } else { break }
        }
        try take("]")
        return .array(items)
    }

    /// `-`? (0 | digits without a leading 0) (`.` digits)? (`e` sign? digits)?
    private mutating func number() throws -> JSON {
        let start = at
        var whole = true
        skip("-")
        if !skip("0") { try digits() }
        if skip(".") {
            whole = false
            try digits()
        }
        if skip("e") || skip("E") {
            whole = false
            if !skip("+") { skip("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if whole, let value = Int64(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw JSONError.notJSON(offset: start) }
        return .double(value)
    }

    @discardableResult
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func digits() throws {
        let start = at
        while let next = byte, (0x30...0x39).contains(next) { at += 1 }
        guard at > start else { throw JSONError.notJSON(offset: at) }
    }

    private mutating func string() throws -> String {
        guard byte == UInt8(ascii: "\"") else { throw JSONError.notJSON(offset: at) }
        at += 1
        let start = at
        while let next = byte, next != UInt8(ascii: "\""), next != UInt8(ascii: "\\"), next >= 0x20 { at += 1 }
        if byte == UInt8(ascii: "\"") {
            defer { at += 1 }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }
        var out = Array(bytes[start..<at])
        while let next = byte, next != UInt8(ascii: "\"") {
            guard next >= 0x20 else { throw JSONError.notJSON(offset: at) }
            at += 1
            if next == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(next) }
        }
        guard byte != nil else { throw JSONError.notJSON(offset: at) }
        at += 1
        return String(decoding: out, as: UTF8.self)
    }

    private mutating func escape(into out: inout [UInt8]) throws {
        guard let next = byte else { throw JSONError.notJSON(offset: at) }
        at += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(next)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            let start = at - 2
            var code = UInt32(try unit())
            if (0xD800..<0xDC00).contains(code), byte == UInt8(ascii: "\\"), at + 1 < bytes.count,
                bytes[at + 1] == UInt8(ascii: "u")
            {
                at += 2
                let low = UInt32(try unit())
                if (0xDC00..<0xE000).contains(low) { code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) }
            }
            // Half of a pair is no character.
            guard let scalar = Unicode.Scalar(code) else { throw JSONError.notJSON(offset: start) }
            out.append(contentsOf: String(Character(scalar)).utf8)
        default: throw JSONError.notJSON(offset: at - 1)
        }
    }

    private mutating func unit() throws -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let next = byte, let digit = Character(Unicode.Scalar(next)).hexDigitValue else {
                throw JSONError.notJSON(offset: at)
            }
            unit = unit << 4 | UInt16(digit)
            at += 1
        }
        return unit
    }
}
