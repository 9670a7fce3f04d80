plugins {
    id("org.jetbrains.kotlin.jvm")
}

kotlin {
    explicitApi()
    jvmToolchain(17)
    compilerOptions.jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11)
}

java {
    targetCompatibility = JavaVersion.VERSION_11
}

dependencies {
    implementation(project(":binding"))
    api(extra["serialization"] as String)
    compileOnly(extra["jna"] as String)
}
