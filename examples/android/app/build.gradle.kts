plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "example.shop"
    compileSdk = 35
    defaultConfig {
        applicationId = "example.shop"
        minSdk = 21
        targetSdk = 35
        versionCode = 1
        versionName = "1.0"
    }
    sourceSets["main"].java.setSrcDirs(listOf("src/main/kotlin"))
    buildTypes["release"].isMinifyEnabled = true
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

kotlin {
    compilerOptions.jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11)
}

dependencies {
    implementation("io.headwater:analytics-android:0.1.0")
}
