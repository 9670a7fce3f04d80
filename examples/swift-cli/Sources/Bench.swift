import Foundation
import Headwater

/// What `track` costs the thread that calls it: a call with five properties, on disk, without a network. Beside our own
/// limits: 25 µs at the median, 1 ms at p99.
func bench(folder: String?) {
    let folder = folder ?? NSTemporaryDirectory() + "/headwater-bench-" + UUID().uuidString
    let analytics = Analytics(
        configuration: Configuration(writeKey: "bench")
            .apiHost("http://127.0.0.1:9")
            .fetchSettings(false)
            .storageMode(.diskAtURL(URL(fileURLWithPath: folder)))
            .trackApplicationLifecycleEvents(false)
            .migratesFromAnalyticsSwift(false))
    analytics.setOnline(false)
    struct Properties: Encodable {
        let order_id: String
        let total: Double
        let quantity: Int
        let currency: String
        let member: Bool
    }
    func measure(_ name: String, _ call: (Int) -> Void) {
        for round in 0..<2_000 { call(round) }
        var times: [UInt64] = []
        for round in 0..<20_000 {
            let start = DispatchTime.now().uptimeNanoseconds
            call(round)
            times.append(DispatchTime.now().uptimeNanoseconds - start)
        }
        times.sort()
        for (part, share, limit) in [("p50", 0.5, 25.0), ("p99", 0.99, 1_000.0)] {
            let value = Double(times[Int(Double(times.count - 1) * share)]) / 1000
            let ratio = String(format: "%.2f", value / limit)
            print("BENCH name=\(name)_\(part) value=\(String(format: "%.2f", value)) unit=us vs=limit ratio=\(ratio)")
        }
    }
    measure("swift_track") { round in
        analytics.track(
            name: "Order Completed",
            properties: Properties(
                order_id: "50314b8e", total: 27.5, quantity: round, currency: "EUR", member: true))
    }
    measure("swift_track_dictionary") { round in
        analytics.track(
            name: "Order Completed",
            properties: ["order_id": "50314b8e", "total": 27.5, "quantity": round, "currency": "EUR", "member": true]
                as [String: Any])
    }
    analytics.purgeStorage()
    analytics.shutdown(timeout: 1)
    try? FileManager.default.removeItem(atPath: folder)
}
