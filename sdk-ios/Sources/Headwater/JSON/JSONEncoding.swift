import Foundation

/// What becomes of numbers that JSON cannot hold: NaN and the infinities.
public enum NonConformingNumberStrategy: Sendable {
    /// 0, as analytics-swift does.
    case zero
    /// `null`.
    case null
    /// The call is refused, and reported as `invalid`.
    case `throw`
}

extension JSON {
    /// An encodable value as JSON. Dates are ISO 8601 in UTC with milliseconds, `Data` is base64.
    /// - Throws: ``JSONError``, or what the value's own `encode(to:)` throws.
    public init(_ value: some Encodable, numbers: NonConformingNumberStrategy = .zero) throws {
        if let json = value as? JSON {
            self = json
        } else {
            self = try TreeEncoder(path: [], numbers: numbers).box(value)
        }
    }

    /// A dictionary of plain values as JSON: strings, numbers, booleans, dates, URLs, arrays, dictionaries, `nil`,
    /// `JSON` and anything `Encodable`.
    /// - Throws: ``JSONError``.
    public init(dictionary: [String: Any], numbers: NonConformingNumberStrategy = .zero) throws {
        self = .object(try JSON.members(dictionary, path: "", numbers: numbers))
    }

    private static func members(
        _ dictionary: [String: Any], path: String, numbers: NonConformingNumberStrategy
    ) throws -> [String: JSON] {
        var members = [String: JSON](minimumCapacity: dictionary.count)
        for (key, value) in dictionary {
            members[key] = try plain(value, path: path.isEmpty ? key : path + "." + key, numbers: numbers)
        }
        return members
    }

    static func plain(_ value: Any, path: String, numbers: NonConformingNumberStrategy) throws -> JSON {
        switch value {
        case let value as JSON: return value
        case let value as String: return .string(value)
        #if canImport(ObjectiveC)
        // An NSNumber casts to every number: ask what it was made of.
        case let value as NSNumber:
            if CFGetTypeID(value) == CFBooleanGetTypeID() { return .bool(value.boolValue) }
            if CFNumberIsFloatType(value) { return try number(value.doubleValue, path: path, numbers: numbers) }
            return .int(value.int64Value)
        #endif
        case let value as Bool: return .bool(value)
        case let value as Int: return .int(Int64(value))
        case let value as Double: return try number(value, path: path, numbers: numbers)
        case let value as Date: return .string(value.iso8601)
        case let value as URL: return .string(value.absoluteString)
        case let value as [String: Any]: return .object(try members(value, path: path, numbers: numbers))
        case let value as [Any]:
            return .array(
                try value.enumerated().map { try plain($1, path: "\(path)[\($0)]", numbers: numbers) })
        case let value as any Encodable: return try TreeEncoder(path: [], numbers: numbers).box(value)
        default:
            if case Optional<Any>.none = value { return .null }
            throw JSONError.unsupported(path: path, type: "\(type(of: value))")
        }
    }

    static func number(_ value: Double, path: String, numbers: NonConformingNumberStrategy) throws -> JSON {
        if value.isFinite { return .double(value) }
        switch numbers {
        case .zero: return .int(0)
        case .null: return .null
        case .throw: throw JSONError.notFinite(path: path)
        }
    }
}

extension JSON: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// Reads the value as a type of yours, such as traits as a struct.
    public func decoded<T: Decodable>(as type: T.Type = T.self) throws -> T {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}

extension Date {
    /// ISO 8601 in UTC, with milliseconds.
    var iso8601: String {
        let ms = Int64((timeIntervalSince1970 * 1000).rounded())
        let days = (ms >= 0 ? ms : ms - 86_399_999) / 86_400_000
        let rest = Int(ms - days * 86_400_000)
        // Days to a date in the proleptic Gregorian calendar, by 400-year eras that begin in March.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * ofYear + 2) / 153
        let day = Int(ofYear - (153 * marchMonth + 2) / 5 + 1)
        let month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        func padded(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(time).\(padded(rest % 1000, 3))Z"
    }
}
