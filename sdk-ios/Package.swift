// swift-tools-version: 6.0
import Foundation
import PackageDescription

// Two ways to the library:
// - apps: `Headwater.xcframework` beside this file, from scripts/build-xcframework.sh;
// - a checkout, as on Linux: `Library/`, from scripts/swift.sh (or scripts/ffi.sh swift sdk-ios/Library).
let here = Context.packageDirectory
let framework = FileManager.default.fileExists(atPath: here + "/HeadwaterFFI.xcframework")

let library: Target = framework
    ? .binaryTarget(name: "headwaterFFI", path: "HeadwaterFFI.xcframework")
    : .systemLibrary(name: "headwaterFFI", path: "Library/headwaterFFI")

let linking: [LinkerSetting] = framework
    ? []
    : [.unsafeFlags(["-L\(here)/Library", "-Xlinker", "-rpath", "-Xlinker", "\(here)/Library"])]

let package = Package(
    name: "Headwater",
    platforms: [.iOS(.v13), .macOS(.v10_15), .tvOS(.v13), .watchOS(.v7), .visionOS(.v1)],
    products: [.library(name: "Headwater", targets: ["Headwater"])],
    targets: [
        library,
        .target(name: "HeadwaterBinding", dependencies: ["headwaterFFI"], path: "Library/swift", linkerSettings: linking),
        .target(
            name: "Headwater",
            dependencies: ["HeadwaterBinding"],
            resources: [.copy("PrivacyInfo.xcprivacy")]
        ),
        .testTarget(name: "HeadwaterTests", dependencies: ["Headwater", "HeadwaterBinding"]),
    ],
    swiftLanguageModes: [.v6]
)
