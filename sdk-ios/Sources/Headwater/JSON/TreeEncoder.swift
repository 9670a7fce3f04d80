import Foundation

/// `Encodable` values as a tree of `JSON`, without a detour through text.
struct TreeEncoder: Encoder {
    let path: [any CodingKey]
    let numbers: NonConformingNumberStrategy
    fileprivate let target = Box()

    init(path: [any CodingKey], numbers: NonConformingNumberStrategy) {
        self.path = path
        self.numbers = numbers
    }

    var codingPath: [any CodingKey] { path }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func box(_ value: any Encodable) throws -> JSON {
        switch value {
        case let value as JSON: return value
        case let value as String: return .string(value)
        case let value as Date: return .string(value.iso8601)
        case let value as URL: return .string(value.absoluteString)
        case let value as Data: return .string(value.base64EncodedString())
        case let value as Decimal: return try number(NSDecimalNumber(decimal: value).doubleValue)
        default:
            let inner = TreeEncoder(path: path, numbers: numbers)
            try value.encode(to: inner)
            return inner.target.json
        }
    }

    fileprivate func number(_ value: Double) throws -> JSON {
        try JSON.number(value, path: path.map(\.stringValue).joined(separator: "."), numbers: numbers)
    }

    fileprivate func at(_ key: any CodingKey) -> TreeEncoder {
        TreeEncoder(path: path + [key], numbers: numbers)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if target.kind == .nothing { target.kind = .object }
        return KeyedEncodingContainer(Keyed<Key>(encoder: self, target: target))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if target.kind == .nothing { target.kind = .array }
        return Unkeyed(encoder: self, target: target)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        Single(encoder: self, target: target)
    }
}

/// Where a container writes. A class, since containers are handed out before their parents are done.
private final class Box {
    enum Kind { case nothing, object, array, value }
    var kind = Kind.nothing
    var members: [String: Box] = [:]
    var items: [Box] = []
    var value = JSON.null

    convenience init(_ value: JSON) {
        self.init()
        kind = .value
        self.value = value
    }

    var json: JSON {
        switch kind {
        case .nothing: .object([:])
        case .object: .object(members.mapValues(\.json))
        case .array: .array(items.map(\.json))
        case .value: value
        }
    }

    func set(_ json: JSON) {
        kind = .value
        value = json
    }
}

private struct PathKey: CodingKey {
    var stringValue: String
    var intValue: Int?
    init(stringValue: String) { self.stringValue = stringValue }
    init(intValue: Int) {
        self.stringValue = "\(intValue)"
        self.intValue = intValue
    }
}

private struct Keyed<K: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: TreeEncoder
    let target: Box
    var codingPath: [any CodingKey] { encoder.path }

    private func put(_ json: JSON, _ key: K) { target.members[key.stringValue] = Box(json) }

    mutating func encodeNil(forKey key: K) { put(.null, key) }
    mutating func encode(_ value: Bool, forKey key: K) { put(.bool(value), key) }
    mutating func encode(_ value: String, forKey key: K) { put(.string(value), key) }
    mutating func encode(_ value: Double, forKey key: K) throws { put(try encoder.at(key).number(value), key) }
    mutating func encode(_ value: Float, forKey key: K) throws { put(try encoder.at(key).number(Double(value)), key) }
    mutating func encode(_ value: Int, forKey key: K) { put(.int(Int64(value)), key) }
    mutating func encode(_ value: some Encodable, forKey key: K) throws { put(try encoder.at(key).box(value), key) }

    mutating func nestedContainer<N: CodingKey>(keyedBy type: N.Type, forKey key: K) -> KeyedEncodingContainer<N> {
        let inner = target.members[key.stringValue] ?? Box()
        if inner.kind == .nothing { inner.kind = .object }
        target.members[key.stringValue] = inner
        return KeyedEncodingContainer(Keyed<N>(encoder: encoder.at(key), target: inner))
    }

    mutating func nestedUnkeyedContainer(forKey key: K) -> any UnkeyedEncodingContainer {
        let inner = target.members[key.stringValue] ?? Box()
        if inner.kind == .nothing { inner.kind = .array }
        target.members[key.stringValue] = inner
        return Unkeyed(encoder: encoder.at(key), target: inner)
    }

    mutating func superEncoder() -> any Encoder { superEncoder(under: PathKey(stringValue: "super")) }
    mutating func superEncoder(forKey key: K) -> any Encoder { superEncoder(under: key) }

    private func superEncoder(under key: any CodingKey) -> any Encoder {
        let inner = encoder.at(key)
        target.members[key.stringValue] = inner.target
        return inner
    }
}

private struct Unkeyed: UnkeyedEncodingContainer {
    let encoder: TreeEncoder
    let target: Box
    var codingPath: [any CodingKey] { encoder.path }
    var count: Int { target.items.count }

    private var next: TreeEncoder { encoder.at(PathKey(intValue: count)) }

    mutating func encodeNil() { target.items.append(Box(.null)) }
    mutating func encode(_ value: Bool) { target.items.append(Box(.bool(value))) }
    mutating func encode(_ value: String) { target.items.append(Box(.string(value))) }
    mutating func encode(_ value: Double) throws { target.items.append(Box(try next.number(value))) }
    mutating func encode(_ value: Float) throws { target.items.append(Box(try next.number(Double(value)))) }
    mutating func encode(_ value: Int) { target.items.append(Box(.int(Int64(value)))) }
    mutating func encode(_ value: some Encodable) throws { target.items.append(Box(try next.box(value))) }

    mutating func nestedContainer<N: CodingKey>(keyedBy type: N.Type) -> KeyedEncodingContainer<N> {
        let inner = Box()
        inner.kind = .object
        let encoder = next
        target.items.append(inner)
        return KeyedEncodingContainer(Keyed<N>(encoder: encoder, target: inner))
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        let inner = Box()
        inner.kind = .array
        let encoder = next
        target.items.append(inner)
        return Unkeyed(encoder: encoder, target: inner)
    }

    mutating func superEncoder() -> any Encoder {
        let inner = next
        target.items.append(inner.target)
        return inner
    }
}

private struct Single: SingleValueEncodingContainer {
    let encoder: TreeEncoder
    let target: Box
    var codingPath: [any CodingKey] { encoder.path }

    mutating func encodeNil() { target.set(.null) }
    mutating func encode(_ value: Bool) { target.set(.bool(value)) }
    mutating func encode(_ value: String) { target.set(.string(value)) }
    mutating func encode(_ value: Double) throws { target.set(try encoder.number(value)) }
    mutating func encode(_ value: Float) throws { target.set(try encoder.number(Double(value))) }
    mutating func encode(_ value: Int) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: Int8) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: Int16) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: Int32) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: Int64) { target.set(.int(value)) }
    mutating func encode(_ value: UInt) { target.set(whole(value)) }
    mutating func encode(_ value: UInt8) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: UInt16) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: UInt32) { target.set(.int(Int64(value))) }
    mutating func encode(_ value: UInt64) { target.set(whole(value)) }
    mutating func encode(_ value: some Encodable) throws { target.set(try encoder.box(value)) }

    private func whole(_ value: some UnsignedInteger) -> JSON {
        Int64(exactly: value).map(JSON.int) ?? .double(Double(value))
    }
}
