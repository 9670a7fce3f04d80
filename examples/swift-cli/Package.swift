// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "swift-cli",
    platforms: [.macOS(.v12)],
    dependencies: [.package(path: "../../sdk-ios")],
    targets: [
        .executableTarget(
            name: "headwater-swift-cli",
            dependencies: [.product(name: "Headwater", package: "sdk-ios")],
            path: "Sources"
        )
    ],
    swiftLanguageModes: [.v6]
)
